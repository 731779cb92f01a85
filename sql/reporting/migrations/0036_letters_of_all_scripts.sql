-- Names and numbers are found in the letters of all scripts: phonetic letters, further Cyrillic and
-- Arabic letters, hiragana as katakana, figures of any script. Which letter is found by which one
-- follows from Unicode's names: local/letter_folding.py prints the function. A text of ASCII takes
-- less time than before.
create or replace function reporting.folded(written text) returns text
language plpgsql immutable parallel safe as $$
declare
    plain text;
begin
    if octet_length(written) = char_length(written) then
        return btrim(
            regexp_replace(
                translate(lower(written), '''`', ''), '[^a-z0-9]+', ' ', 'g'
            )
        );
    end if;
    -- NFKD: full-width and other forms become plain ones, and accents stand apart from letters.
    plain := lower(normalize(written, nfkd) collate "und-x-icu"); -- noqa: RF05
    -- Accents, points and tone marks, apostrophes, and signs that nobody sees.
    plain := regexp_replace(
        plain,
        '[\u0027\u0060\u00ad\u00b4\u00b7\u02b9-\u02bf\u0300-\u036f\u0483-\u0487\u055a'
            || '\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7\u05f3-\u0605\u0610-\u061a'
            || '\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dd\u06df-\u06e4\u06e7-\u06e8'
            || '\u06ea-\u06ed\u070f\u0711\u0730-\u074a\u07eb-\u07f3\u07fd\u0816-\u0819'
            || '\u081b-\u0823\u0825-\u0827\u0829-\u082d\u0859-\u085b\u0883-\u0885\u0890-\u089f'
            || '\u08ca-\u08ff\u093c\u0951-\u0954\u09bc\u09fe\u0a3c\u0abc\u0b3c\u0c3c\u0cbc'
            || '\u0e48-\u0e4b\u0ec8-\u0ecb\u0f18-\u0f19\u0f35\u0f37\u0f39\u0f82-\u0f83'
            || '\u0f86-\u0f87\u0fc6\u1037\u108d\u135d-\u135f\u17dd\u180e\u18a9\u1939-\u193b'
            || '\u1a17-\u1a18\u1a75-\u1a7f\u1ab0-\u1abd\u1abf-\u1ace\u1b34\u1b6b-\u1b73\u1be6'
            || '\u1c37\u1cd0-\u1cd2\u1cd4-\u1ce0\u1ce2-\u1ce8\u1ced\u1cf4\u1cf8-\u1cf9'
            || '\u1dc0-\u1dff\u200b-\u200f\u2018-\u201b\u202a-\u202e\u2032\u2060-\u206f'
            || '\u20d0-\u20dc\u20e1\u20e5-\u20f0\u2cef-\u2cf1\u2de0-\u2dff\u302a-\u302f'
            || '\u3099-\u309a\ua66f\ua674-\ua67d\ua69e-\ua69f\ua6f0-\ua6f1\ua78b-\ua78c'
            || '\ua8e0-\ua8f1\ua92b-\ua92d\ua9b3\uaab0\uaab2-\uaab4\uaab7-\uaab8\uaabe-\uaabf'
            || '\uaac1\ufb1e\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\ufff9-\ufffb'
            || '\U000e0100-\U000e01ef]',
        '',
        'g'
    );
    if octet_length(plain) <> char_length(plain) then
        -- Letters and figures that NFKD leaves as they are. A long list of letters is looked
        -- through only for a text that has one of them.
        if plain ~ ('[\u0660-\u0669\u06f0-\u06f9\u07c0-\u07c9\u0966-\u096f\u09e6-\u09ef'
            || '\u0a66-\u0a6f\u0ae6-\u0aef\u0b66-\u0b6f\u0be6-\u0bef\u0c66-\u0c6f\u0ce6-\u0cef'
            || '\u0d66-\u0d6f\u0de6-\u0def\u0e50-\u0e59\u0ed0-\u0ed9\u0f20-\u0f29\u1040-\u1049'
            || '\u1090-\u1099\u17e0-\u17e9\u1810-\u1819\u1946-\u194f\u19d0-\u19d9\u1a80-\u1a99'
            || '\u1b50-\u1b59\u1bb0-\u1bb9\u1c40-\u1c49\u1c50-\u1c59\ua620-\ua629\ua8d0-\ua8d9'
            || '\ua900-\ua909\ua9d0-\ua9d9\ua9f0-\ua9f9\uaa50-\uaa59\uabf0-\uabf9]') then
            plain := translate(
                plain,
                '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹߀߁߂߃߄߅߆߇߈߉०१२३४५६७८९০১২৩৪৫৬৭৮৯੦੧੨੩੪੫੬੭੮੯૦૧૨૩૪૫૬૭૮૯୦୧୨୩୪୫୬୭'
            || '୮୯௦௧௨௩௪௫௬௭௮௯౦౧౨౩౪౫౬౭౮౯೦೧೨೩೪೫೬೭೮೯൦൧൨൩൪൫൬൭൮൯෦෧෨෩෪෫෬෭෮෯๐๑๒๓๔๕๖๗๘๙໐໑໒໓໔໕໖໗໘໙༠༡༢༣༤༥'
            || '༦༧༨༩၀၁၂၃၄၅၆၇၈၉႐႑႒႓႔႕႖႗႘႙០១២៣៤៥៦៧៨៩᠐᠑᠒᠓᠔᠕᠖᠗᠘᠙᥆᥇᥈᥉᥊᥋᥌᥍᥎᥏᧐᧑᧒᧓᧔᧕᧖᧗᧘᧙᪀᪁᪂᪃᪄᪅᪆᪇᪈᪉᪐᪑᪒᪓'
            || '᪔᪕᪖᪗᪘᪙᭐᭑᭒᭓᭔᭕᭖᭗᭘᭙᮰᮱᮲᮳᮴᮵᮶᮷᮸᮹᱀᱁᱂᱃᱄᱅᱆᱇᱈᱉᱐᱑᱒᱓᱔᱕᱖᱗᱘᱙꘠꘡꘢꘣꘤꘥꘦꘧꘨꘩꣐꣑꣒꣓꣔꣕꣖꣗꣘꣙꤀꤁꤂꤃꤄꤅꤆꤇꤈꤉꧐꧑'
            || '꧒꧓꧔꧕꧖꧗꧘꧙꧰꧱꧲꧳꧴꧵꧶꧷꧸꧹꩐꩑꩒꩓꩔꩕꩖꩗꩘꩙꯰꯱꯲꯳꯴꯵꯶꯷꯸꯹',
                '012345678901234567890123456789012345678901234567890123456789012345678901234567'
            || '890123456789012345678901234567890123456789012345678901234567890123456789012345'
            || '678901234567890123456789012345678901234567890123456789012345678901234567890123'
            || '456789012345678901234567890123456789012345678901234567890123456789012345678901'
            || '23456789012345678901234567890123456789'
            );
        end if;
        if plain ~ ('[\u03c2\u047d\u048b\u048f\u0491\u0493\u0495\u0497\u0499\u049b\u049d\u049f'
            || '\u04a3\u04a7\u04ab\u04ad\u04b1\u04b3\u04b7\u04b9\u04bf\u04c4\u04c6\u04c8\u04ca'
            || '\u04ce\u04f7\u04fb\u04fd\u04ff\u0513\u0521\u0523\u0525\u0527\u0529\u052f\u0588'
            || '\u05da\u05dd\u05df\u05e3\u05e5\u0724\u09f0-\u09f1\u1878\u1cec\u2c55\u312e'
            || '\ua651\ua68b]') then
            plain := translate(
                plain,
                'ςѽҋҏґғҕҗҙқҝҟңҧҫҭұҳҷҹҿӄӆӈӊӎӷӻӽӿԓԡԣԥԧԩԯֈךםןףץܤৰৱᡸᳬⱕㄮꙑꚋ',
                'σѡиргггжзкккнпстүхччҽклннмггххллнпһнлյכמנפצܣররᠴᳫⱔㄛыт'
            );
        end if;
        if plain ~ ('[\u0629\u063b-\u063f\u0649\u0671-\u0673\u067c-\u067d\u0681-\u0682\u0685'
            || '\u0689-\u068b\u068f-\u0690\u0692-\u0697\u0699-\u06a0\u06a2-\u06a3\u06a5'
            || '\u06a7-\u06ac\u06ae\u06b0\u06b2\u06b4-\u06ba\u06bc-\u06bf\u06c1\u06c3-\u06c4'
            || '\u06ca\u06cc-\u06cf\u06d1-\u06d2\u06d5\u06ee-\u06ef\u06fa-\u06fc\u06ff'
            || '\u0750-\u077f\u0870-\u0882\u0889-\u088d\u08a0-\u08ab\u08ae-\u08b0\u08b2-\u08ba'
            || '\u08be-\u08c7]') then
            plain := translate(
                plain,
                'ةػؼؽؾؿىٱٲٳټٽځڂڅډڊڋڏڐڒړڔڕږڗڙښڛڜڝڞڟڠڢڣڥڧڨکڪګڬڮڰڲڴڵڶڷڸڹںڼڽھڿہۃۄۊیۍێۏۑےەۮۯۺۻۼۿݐݑݒݓ'
            || 'ݔݕݖݗݘݙݚݛݜݝݞݟݠݡݢݣݤݥݦݧݨݩݪݫݬݭݮݯݰݱݲݳݴݵݶݷݸݹݺݻݼݽݾݿࡰࡱࡲࡳࡴࡵࡶࡷࡸࡹࡺࡻࡼࡽࡾࡿࢀࢁࢂࢉࢊࢋࢌࢍࢠࢡࢢࢣࢤࢥࢦࢧࢨࢩ'
            || 'ࢪࢫࢮࢯࢰࢲࢳࢴࢵࢶࢷࢸࢹࢺࢾࢿࣀࣁࣂࣃࣄࣅࣆࣇ',
                'هككيييياااتتحححدددددرررررررسسسصصطعفففققكككككگگگللللننننهچههوويييوييهدرشضغهبببب'
            || 'بببححددرسعععففكككممنننلررسححسرحاايييووييحسسكااااااااااااااااااانحططكببجطفقلميي'
            || 'رودصگزعكقبپتريپتٹچكغࢼججل'
            );
        end if;
        if plain ~ ('[\u3041-\u304b\u304d\u304f\u3051\u3053\u3055\u3057\u3059\u305b\u305d\u305f'
            || '\u3061\u3063-\u3064\u3066\u3068\u306a-\u306f\u3072\u3075\u3078\u307b'
            || '\u307e-\u3093\u3095-\u3096\u30a1\u30a3\u30a5\u30a7\u30a9\u30c3\u30e3\u30e5'
            || '\u30e7\u30ee\u30f5-\u30f6\u31f0-\u31ff]') then
            plain := translate(
                plain,
                'ぁあぃいぅうぇえぉおかきくけこさしすせそたちっつてとなにぬねのはひふへほまみむめもゃやゅゆょよらりるれろゎわゐゑをんゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵ'
            || 'ㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ',
                'アアイイウウエエオオカキクケコサシスセソタチツツテトナニヌネノハヒフヘホマミムメモヤヤユユヨヨラリルレロワワヰヱヲンカケアイウエオツヤユヨワカケクシストヌハ'
            || 'ヒフヘホムラリルレロ'
            );
        end if;
        if plain ~ ('[\u0180\u0183\u0188\u018c-\u018d\u0192\u0195\u0199-\u019b\u019e\u01a3\u01a5'
            || '\u01ab\u01ad\u01b4\u01b6\u01b9-\u01ba\u01bf\u01dd\u01e5\u021d\u0221\u0223'
            || '\u0225\u0234-\u0239\u023c\u023f-\u0240\u0247\u0249\u024b\u024d\u024f-\u0293'
            || '\u0297\u0299-\u02a0\u02a3-\u02ab\u02ae-\u02af\u1d00-\u1d23\u1d6b-\u1d77'
            || '\u1d79-\u1d9a\u1e9c-\u1e9d\u1e9f\u1efb\u1efd\u1eff\u2184\u2c61\u2c65-\u2c66'
            || '\u2c68\u2c6a\u2c6c\u2c71\u2c73-\u2c74\u2c76-\u2c7b\ua727\ua729\ua730-\ua731'
            || '\ua733\ua735\ua737\ua739\ua73b\ua73d\ua73f\ua741\ua743\ua745\ua747\ua749\ua74b'
            || '\ua74d\ua74f\ua751\ua753\ua755\ua757\ua759\ua75b\ua75f\ua761\ua763\ua765\ua767'
            || '\ua76b\ua76d\ua778\ua77a\ua77c\ua77f\ua781\ua783\ua785\ua787\ua78e\ua791'
            || '\ua793-\ua795\ua797\ua799\ua79b\ua79d\ua79f\ua7a1\ua7a3\ua7a5\ua7a7\ua7a9'
            || '\ua7af\ua7b5\ua7b7\ua7b9\ua7bb\ua7bd\ua7bf\ua7c1\ua7c3\ua7c8\ua7ca'
            || '\ua7d1-\ua7d5\ua7d7\ua7d9\ua7f6-\ua7f7\ua7fa-\ua7ff\uab30-\uab5a\uab61-\uab64'
            || '\uab66-\uab68]') then
            plain := translate(
                plain,
                'ƀƃƈƌƍƒƙƚƛƞƥƫƭƴƶƹƺƿǝǥȝȡȥȴȵȶȷȼȿɀɇɉɋɍɏɐɑɒɓɔɕɖɗɘəɚɛɜɝɞɟɠɡɢɣɤɥɦɧɨɩɪɫɬɭɯɰɱɲɳɴɵɷɸɹɺɻɼ'
            || 'ɽɾɿʀʁʂʃʄʅʆʇʈʉʊʋʌʍʎʏʐʑʒʓʗʙʚʛʜʝʞʟʠʮʯᴀᴃᴄᴅᴆᴇᴈᴉᴊᴋᴌᴍᴎᴏᴐᴑᴒᴓᴖᴗᴘᴙᴚᴛᴜᴝᴞᴟᴠᴡᴢᴣᵬᵭᵮᵯᵰᵱᵲᵳᵴᵵᵶᵷ'
            || 'ᵹᵻᵼᵽᵾᵿᶀᶁᶂᶃᶄᶅᶆᶇᶈᶉᶊᶋᶌᶍᶎᶏᶐᶑᶒᶓᶔᶕᶖᶗᶘᶙᶚẜẝẟỽỿↄⱡⱥⱦⱨⱪⱬⱱⱳⱴⱶⱷⱸⱹⱺⱻꜧꜰꜱꜿꝁꝃꝅꝇꝉꝋꝍꝑꝓꝕꝗꝙꝛꝟꝣꝺꝼꝿꞁꞃ'
            || 'ꞅꞇꞎꞑꞓꞔꞕꞗꞙꞡꞣꞥꞧꞩꞯꞵꞷꞹꞻꞽꞿꟁꟃꟈꟊꟑꟕꟗꟙꟶꟷꟺꟻꟼꟽꟾꟿꬰꬲꬳꬴꬵꬶꬷꬸꬹꬺꬻꬼꬽꬾꬿꭅꭆꭇꭈꭉꭊꭋꭌꭍꭎꭏꭒꭓꭔꭕꭖꭗꭘꭙꭚꭡꭤꭨᴁᴂꞛ'
            || 'ꬱᵺꝥꝧꟓɶᴔꞝꭀꭁꭂꭢᴕʫʤʥꭦʧꭧꞟꜻꭃꭄꭑ',
                'bbcddfkllnpttyzzzwegydzlntjcszejqryaaabocddeeeeeeejggggohhhiiilllmmmnnnoofrrrr'
            || 'rrrrrssjssttuuvvwyyzzzzcbeghjklqhhabcddeeijklmnoooooooprrtuuumvwzzbdfmnprrstzg'
            || 'giipuubdfgklmnprssvxzaadeeeeiosuzssdvyclathkzvwvhferoehfsckkklloopppqqrvzdfglr'
            || 'stlncchbfgknrsqbouaiuowdsgwsshimfpmimaeeefglllmnnooorrrrrrrrsuuuxxxxxxxyearæææ'
            || 'æþþþþœœœœœœœȣɮʣʣʣʦʦᵫꜹꝏꝏꭐ'
            );
            plain := replace(plain, 'ƕ', 'hv');
            plain := replace(plain, 'ƣ', 'oi');
            plain := replace(plain, 'ȣ', 'ou');
            plain := replace(plain, 'ȸ', 'db');
            plain := replace(plain, 'ȹ', 'qp');
            plain := replace(plain, 'ɮ', 'lz');
            plain := replace(plain, 'ʣ', 'dz');
            plain := replace(plain, 'ʦ', 'ts');
            plain := replace(plain, 'ʨ', 'tc');
            plain := replace(plain, 'ʩ', 'fn');
            plain := replace(plain, 'ʪ', 'ls');
            plain := replace(plain, 'ᵫ', 'ue');
            plain := replace(plain, 'ỻ', 'll');
            plain := replace(plain, 'ꜩ', 'tz');
            plain := replace(plain, 'ꜳ', 'aa');
            plain := replace(plain, 'ꜵ', 'ao');
            plain := replace(plain, 'ꜷ', 'au');
            plain := replace(plain, 'ꜹ', 'av');
            plain := replace(plain, 'ꜽ', 'ay');
            plain := replace(plain, 'ꝏ', 'oo');
            plain := replace(plain, 'ꝡ', 'vy');
            plain := replace(plain, 'ꝫ', 'et');
            plain := replace(plain, 'ꝭ', 'is');
            plain := replace(plain, 'ꝸ', 'um');
            plain := replace(plain, 'ꭐ', 'ui');
            plain := replace(plain, 'ꭣ', 'uo');
        end if;
        if plain ~ ('[\u00df\u00e6\u00f0\u00f8\u00fe\u0111\u0127\u0131\u0138\u0142\u014b\u0153'
            || '\u0167]') then
            plain := translate(
                plain,
                'ðøđħıĸłŋŧ',
                'dodhiklnt'
            );
            plain := replace(plain, 'ß', 'ss');
            plain := replace(plain, 'æ', 'ae');
            plain := replace(plain, 'þ', 'th');
            plain := replace(plain, 'œ', 'oe');
        end if;
    end if;
    -- Punctuation, symbols and blanks.
    return btrim(
        regexp_replace(
            plain,
            '[\u0001-\u0026\u0028-\u002f\u003a-\u0040\u005b-\u005f\u007b-\u00a9'
            || '\u00ab-\u00ac\u00ae-\u00b1\u00b6\u00b8\u00bb\u00bf\u00d7\u00f7\u02c2-\u02c5'
            || '\u02d2-\u02df\u02e5-\u02eb\u02ed\u02ef-\u02ff\u0375\u037e\u0384-\u0385\u0387'
            || '\u03f6\u0482\u055b-\u055f\u0589-\u058f\u05be\u05c0\u05c3\u05c6\u0606-\u060f'
            || '\u061b\u061d-\u061f\u066a-\u066d\u06d4\u06de\u06e9\u06fd-\u06fe\u0700-\u070d'
            || '\u07f6-\u07f9\u07fe-\u07ff\u0830-\u083e\u085e\u0888\u0964-\u0965\u0970'
            || '\u09f2-\u09f3\u09fa-\u09fb\u09fd\u0a76\u0af0-\u0af1\u0b70\u0bf3-\u0bfa\u0c77'
            || '\u0c7f\u0c84\u0d4f\u0d79\u0df4\u0e3f\u0e4f\u0e5a-\u0e5b\u0f01-\u0f17'
            || '\u0f1a-\u0f1f\u0f34\u0f36\u0f38\u0f3a-\u0f3d\u0f85\u0fbe-\u0fc5\u0fc7-\u0fda'
            || '\u104a-\u104f\u109e-\u109f\u10fb\u1360-\u1368\u1390-\u1399\u1400\u166d-\u166e'
            || '\u1680\u169b-\u169c\u16eb-\u16ed\u1735-\u1736\u17d4-\u17d6\u17d8-\u17db'
            || '\u1800-\u180a\u1940-\u1945\u19de-\u19ff\u1a1e-\u1a1f\u1aa0-\u1aa6\u1aa8-\u1aad'
            || '\u1b5a-\u1b6a\u1b74-\u1b7e\u1bfc-\u1bff\u1c3b-\u1c3f\u1c7e-\u1c7f\u1cc0-\u1cc7'
            || '\u1cd3\u1fbd\u1fbf-\u1fc1\u1fcd-\u1fcf\u1fdd-\u1fdf\u1fed-\u1fef\u1ffd-\u200a'
            || '\u2010-\u2017\u201c-\u2029\u202f-\u2031\u2033-\u205f\u207a-\u207e\u208a-\u208e'
            || '\u20a0-\u20c0\u2100-\u2101\u2103-\u2106\u2108-\u2109\u2114\u2116-\u2118'
            || '\u211e-\u2123\u2125\u2127\u2129\u212e\u213a-\u213b\u2140-\u2144\u214a-\u214d'
            || '\u214f\u218a-\u244a\u249c-\u24e9\u2500-\u2775\u2794-\u2bff\u2ce5-\u2cea'
            || '\u2cf9-\u2cfc\u2cfe-\u2cff\u2d70\u2e00-\u2e2e\u2e30-\u3004\u3008-\u3020\u3030'
            || '\u3036-\u3037\u303d-\u303f\u309b-\u309c\u30a0\u30fb\u3190-\u3191\u3196-\u319f'
            || '\u31c0-\u31e3\u3200-\u321e\u322a-\u3247\u3250\u3260-\u327f\u328a-\u32b0'
            || '\u32c0-\u33ff\u4dc0-\u4dff\ua490-\ua4c6\ua4fe-\ua4ff\ua60d-\ua60f\ua673\ua67e'
            || '\ua6f2-\ua716\ua720-\ua721\ua789-\ua78a\ua828-\ua82b\ua836-\ua839\ua874-\ua877'
            || '\ua8ce-\ua8cf\ua8f8-\ua8fa\ua8fc\ua92e-\ua92f\ua95f\ua9c1-\ua9cd\ua9de-\ua9df'
            || '\uaa5c-\uaa5f\uaa77-\uaa79\uaade-\uaadf\uaaf0-\uaaf1\uab5b\uab6a-\uab6b\uabeb'
            || '\ufb29\ufbb2-\ufbc2\ufd3e-\ufd4f\ufdcf\ufdfc-\ufdff\ufe10-\ufe19\ufe30-\ufe6b'
            || '\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\uffe0-\uffee\ufffc-\ufffd'
            || '\U0001f000-\U0001faff]+',
            ' ',
            'g'
        )
    );
end;
$$;

-- The forms of the names and numbers that have other forms now are computed again.
update reporting.statements
set holder_name = holder_name, account_number = account_number
where
    octet_length(holder_name || account_number) > char_length(holder_name || account_number)
    and (
        holder_search <> reporting.name_forms(holder_name)
        or account_search <> ' ' || replace(reporting.folded(account_number), ' ', '') || ' '
    );
