-- The reporting store after the last migration. Read this file, not the migrations.
-- tests/test_migrations.py proves that the migrations lead here.

create extension if not exists btree_gist;

create extension if not exists pg_trgm;

create schema reporting;

-- The types of the platform's keys, which the store keeps as they are. `keys.account` and so on
-- stand for the types of CLOSEBOOK_KEYS, bigint without it: closebook.store.migrations puts them
-- in. Queries name the domains, so they are the same whatever the types are.
create domain reporting.account_key as keys.account;
create domain reporting.entry_key as keys.entry;
create domain reporting.transaction_key as keys.transaction;
create domain reporting.merchant_key as keys.merchant;
create domain reporting.promotion_key as keys.promotion;

create table reporting.migrations (
    migration text primary key,
    applied_at timestamptz not null default clock_timestamp()
);

-- A currency code of the platform as the register shows it. A code that is not three capital
-- letters may hold any text: it is cut to 12 characters, and ? stands for all but letters and
-- figures. Of this function and the next PostgreSQL puts the expression in place of the call, since
-- they have no settings of their own.
create function reporting.currency_label(code text) returns text
language sql immutable parallel safe
begin atomic
    select case
        when code ~ '^[A-Z]{3}$' then code
        when coalesce(code, '') = '' then 'none'
        else left(regexp_replace(code, '[^A-Za-z0-9]', '?', 'g'), 12)
    end;
end;

-- A key of the platform as exceptions name it: a long one by its start and its hash. No account
-- that has a statement has such a name for its key.
create function reporting.key_label(key text) returns text
language sql immutable parallel safe
begin atomic
    select case
        when key = '' then '(empty)'
        when octet_length(key) > 200
            then
                left(key, 40) || ' (too long, sha256 '
                || left(encode(sha256(convert_to(key, 'UTF8')), 'hex'), 16) || ')'
        else key
    end;
end;

-- The register: one row for each version of each close. One version of a period is current.
create table reporting.closes (
    close_id bigint generated always as identity primary key,
    grain text not null check (grain in ('hour', 'day', 'month')),
    period_start timestamptz not null,
    period_end timestamptz not null check (period_end > period_start),
    time_zone text not null,
    close_version integer not null check (close_version > 0),
    is_current boolean not null default false,
    fence_lsn pg_lsn not null,
    fenced_at timestamptz not null check (fenced_at >= period_end),
    snapshot_text text not null,
    replica_name text not null,
    code_version text not null,
    run_id text not null,
    reason text,
    closed_at timestamptz not null default clock_timestamp(),
    confirmed_at timestamptz,
    confirmation_count integer not null default 0,
    -- Who asked for the run; null is the schedule.
    requested_by text,
    -- The business dates that it is for; an hour has none.
    first_date date,
    last_date date,
    -- The business date on which it was closed; null for closes from before this column.
    closed_on date,
    -- The rules of time that it was closed under: release of tzdata and digest of the zone's file.
    tzdata_version text,
    -- What account holders read on a corrected statement: a sentence of the catalogs by its code,
    -- and a text of the run. The reason is for colleagues.
    holder_reason text check (holder_reason ~ '^[a-z_]+$'),
    holder_text text check (holder_text <> '' and length(holder_text) <= 300),
    constraint closes_have_dates
    check (grain = 'hour' or (first_date is not null and last_date is not null)),
    unique (grain, period_start, close_version),
    -- One current version of each period, and no two that overlap: under another business time
    -- zone the same days would be closed twice.
    constraint closes_do_not_overlap exclude using gist (
        grain with =, tstzrange(period_start, period_end) with &&
    ) where (is_current)
);

-- The constraint above ensures this too. This index finds the current version by its start, as
-- every close and the counter do.
create unique index closes_one_current on reporting.closes (grain, period_start)
where is_current;

-- Each start of a run: its first one, and each time that it was cleared or reprocessed. The hash of
-- its configuration tells whether somebody gave it a new one with that start.
create table reporting.run_starts (
    dag_id text not null,
    run_id text not null,
    clear_number integer not null check (clear_number >= 0),
    conf_sha256 text not null check (conf_sha256 ~ '^[0-9a-f]{64}$'),
    started_at timestamptz not null default clock_timestamp(),
    primary key (dag_id, run_id, clear_number)
);

-- What the source held for the period, by an independent scan of the same snapshot.
create table reporting.close_totals (
    close_id bigint not null references reporting.closes (close_id),
    measure text not null check (measure in ('volume', 'ledger')),
    currency text not null check (currency <> ''),
    row_count bigint not null check (row_count > 0),
    -- A sum of bigints may be larger than a bigint.
    amount_minor numeric(60, 0) not null,
    primary key (close_id, measure, currency)
);

-- What a close has left out of its source, and why: one row an account, or a currency of which all
-- rows of the period are left out, or a merchant or promotion whose text is not known. Rows and
-- exceptions together are what close_totals says.
create table reporting.close_exceptions (
    close_id bigint not null references reporting.closes (close_id),
    measure text not null check (measure in ('volume', 'ledger')),
    subject_kind text not null check (
        subject_kind in ('account', 'currency', 'merchant', 'promotion')
    ),
    -- The id or the currency; 'none' for rows that name no account or currency.
    subject text not null check (subject <> ''),
    currency text not null check (currency <> ''),
    reason text not null check (
        reason in (
            'account_incomplete',
            'account_not_listed',
            'account_repeated',
            'amount_inexact',
            'beyond_bigint',
            'currency_differs',
            'detail_unusable',
            'entry_repeated',
            'key_unusable',
            'merchant_repeated',
            'not_computable',
            'promotion_repeated',
            'row_impossible',
            'row_incomplete',
            'unknown_currency',
            'unsettled_status'
        )
    ),
    row_count bigint not null check (row_count >= 0),
    amount_minor numeric(60, 0) not null,
    primary key (close_id, measure, subject_kind, subject, currency)
);

-- Every check that was made, and for one that failed the rows that did not tie out.
create table reporting.tie_outs (
    tie_out_id bigint generated always as identity primary key,
    close_id bigint references reporting.closes (close_id),
    grain text not null,
    period_start timestamptz not null,
    check_name text not null,
    offending_count bigint not null,
    offending_sample jsonb not null default '[]',
    run_id text not null,
    checked_at timestamptz not null default clock_timestamp()
);

create index tie_outs_close_id on reporting.tie_outs (close_id);

create index tie_outs_period_start on reporting.tie_outs (period_start);

create table reporting.hourly_volume (
    close_id bigint not null references reporting.closes (close_id),
    hour_start timestamptz not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    kind text not null check (kind in ('payment', 'refund', 'chargeback')),
    transaction_count bigint not null check (transaction_count > 0),
    amount_minor bigint not null check (amount_minor >= 0),
    fee_minor bigint not null,
    discount_minor bigint not null,
    primary key (close_id, currency, kind)
);

create table reporting.daily_volume (
    close_id bigint not null,
    business_day date not null,
    merchant_id keys.merchant not null,
    merchant_category text not null,
    user_country text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    promotion_funding text not null,
    kind text not null check (kind in ('payment', 'refund', 'chargeback')),
    transaction_count bigint not null check (transaction_count > 0),
    amount_minor bigint not null check (amount_minor >= 0),
    fee_minor bigint not null,
    discount_minor bigint not null,
    primary key (
        close_id,
        merchant_id,
        merchant_category,
        user_country,
        currency,
        promotion_funding,
        kind
    )
);

create table reporting.daily_account_movement (
    close_id bigint not null,
    business_day date not null,
    account_id keys.account not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    entry_count bigint not null check (entry_count > 0),
    credit_minor bigint not null check (credit_minor >= 0),
    debit_minor bigint not null check (debit_minor >= 0),
    primary key (close_id, account_id, currency)
);

-- A trigger checks, once a statement, that the rows of a day belong to a close of the register. A
-- foreign key would check each row, and took half of the time of writing them.

-- Every close_id that a statement wrote is in the register, and stays there: the triggers below let
-- no close be deleted or renumbered.
create function reporting.refuse_unknown_close() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    unknown_id bigint;
begin
    select written_ids.close_id
    into unknown_id
    from (select distinct written.close_id from written) as written_ids
    where
        not exists (
            select 1
            from reporting.closes
            where closes.close_id = written_ids.close_id
        )
    limit 1;
    if found then  -- guard: register.rows-of-a-known-close
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'CB-DATA-CLOSE-NOT-REGISTERED: close ' || unknown_id
            || ' is not in the register',
            constraint = tg_name, table = tg_table_name;
    end if;
    return null;
end;
$$;

create trigger daily_volume_close_is_known
after insert on reporting.daily_volume
referencing new table as written
for each statement execute function reporting.refuse_unknown_close();

create trigger daily_volume_close_stays_known
after update on reporting.daily_volume
referencing new table as written
for each statement execute function reporting.refuse_unknown_close();

create trigger daily_account_movement_close_is_known
after insert on reporting.daily_account_movement
referencing new table as written
for each statement execute function reporting.refuse_unknown_close();

create trigger daily_account_movement_close_stays_known
after update on reporting.daily_account_movement
referencing new table as written
for each statement execute function reporting.refuse_unknown_close();

-- No close is ever deleted or renumbered, by whomever.
create function reporting.keep_closes() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception using
        errcode = 'restrict_violation',
        message = 'CB-DATA-CLOSE-STAYS: a close stays in the register: no ' || lower(tg_op);
end;
$$;

create trigger closes_are_not_deleted
before delete on reporting.closes
for each statement execute function reporting.keep_closes();

create trigger closes_are_not_renumbered
before update of close_id on reporting.closes
for each statement execute function reporting.keep_closes();

-- The register is truncated only together with the tables of days, as with a foreign key.
create function reporting.refuse_days_without_closes() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    -- By size: a transaction's snapshot may be older than rows that are there.
    if pg_relation_size('reporting.daily_volume') > 0
        or pg_relation_size('reporting.daily_account_movement') > 0
    then
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'CB-DATA-DAYS-NEED-CLOSES: days refer to the register: truncate them with it';
    end if;
    return null;
end;
$$;

create trigger closes_are_truncated_with_their_days
after truncate on reporting.closes
for each statement execute function reporting.refuse_days_without_closes();

-- A text as searches compare it: in lower case, in words of letters and figures with one blank
-- between them, without accents, ligatures and apostrophes. It has rules of its own, since those of
-- the extension unaccent may change under an index: local/letter_folding.py makes the function from
-- Unicode's names of the letters.
create function reporting.folded(written text) returns text
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
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

-- A folded text in which Mueller and Müller are the same.
create function reporting.without_umlauts(folded_text text) returns text
language sql immutable parallel safe
begin atomic
    select replace(
        replace(replace(replace(folded_text, 'ae', 'a'), 'oe', 'o'), 'ue', 'u'), 'aa', 'a'
    );
end;

-- A name in all forms that a word of it may be typed in, each with blanks around it: folded, also
-- without umlauts, and also with its words written as one.
create function reporting.name_forms(name text) returns text
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
    folded_name text := reporting.folded(name);
    short_name text := reporting.without_umlauts(folded_name);
    one_word text := reporting.without_umlauts(replace(folded_name, ' ', ''));
begin
    return concat(
        ' ', folded_name, ' ',
        case when short_name <> folded_name then short_name || ' ' end,
        case when one_word <> short_name then one_word || ' ' end
    );
end;
$$;

-- The statements of a month: one row for each account and currency with entries or a balance.
create table reporting.statements (
    close_id bigint not null references reporting.closes (close_id),
    account_id keys.account not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    account_number text not null,
    holder_name text not null,
    holder_address text not null,
    locale_code text not null,
    opening_minor bigint not null,
    closing_minor bigint not null,
    line_count bigint not null check (line_count >= 0),
    -- The number as one word, and the name in all forms, as searches compare them.
    account_search text generated always as (
        ' ' || replace(reporting.folded(account_number), ' ', '') || ' '
    ) stored,
    holder_search text generated always as (reporting.name_forms(holder_name)) stored,
    -- By how much the account may be overdrawn, as of the snapshot; null where none is known.
    overdraft_limit_minor bigint check (overdraft_limit_minor >= 0),
    primary key (close_id, account_id, currency)
);

-- The indexes for the desk's search: for a part of a number or a name, and for an amount.
create index statements_account_search
on reporting.statements using gin (account_search gin_trgm_ops);

create index statements_holder_search
on reporting.statements using gin (holder_search gin_trgm_ops);

create index statements_opening
on reporting.statements (opening_minor, close_id);

create index statements_closing
on reporting.statements (closing_minor, close_id);

create index statements_currency
on reporting.statements (close_id, currency, account_id);

-- For lists in the order of the number, the name or the balance, the newest close first where that
-- is equal. A text may be longer than an entry of an index.
create index statements_by_account
on reporting.statements (left(account_search, 64) collate "C", (-close_id), account_id);

create index statements_by_holder
on reporting.statements (left(holder_search, 64) collate "C", (-close_id), account_id);

create index statements_by_closing
on reporting.statements (currency, closing_minor, (-close_id), account_id);

create table reporting.statement_lines (
    close_id bigint not null,
    account_id keys.account not null,
    line_number bigint not null check (line_number > 0),
    entry_id keys.entry not null,
    transaction_id keys.transaction,
    posted_at timestamptz not null,
    kind text not null,
    description text not null,
    counterparty text,
    amount_minor bigint not null,
    balance_minor bigint not null,
    -- The business day; null for lines from before this column, which have that of the closed day
    -- that they lie in: statement_lines/of_statement.sql finds it.
    posted_on date,
    currency text not null,
    -- No entry is in a month twice. That the numbers of a statement's lines have no gap is a check
    -- of each close: statement_lines/check_running_balances_follow.sql.
    primary key (close_id, entry_id)
);

-- One entry of it stands for all lines of a statement: with their numbers it would be three times
-- as large.
create index statement_lines_statement
on reporting.statement_lines (close_id, account_id, currency);

-- For an amount of a line. One entry of it stands for all lines of a close that have the amount.
create index statement_lines_amount_minor
on reporting.statement_lines (close_id, amount_minor);

-- A trigger checks, once for each SQL statement, that what it wrote are lines of statements of the
-- register. A foreign key would check each line, and took a quarter of the store's processor time
-- for a month. The triggers on the statements keep those that have lines.
create function reporting.refuse_lines_without_statement() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    unknown record;
begin
    select
        written_keys.close_id,
        written_keys.account_id,
        written_keys.currency
    into unknown
    from
        (
            select distinct
                written.close_id,
                written.account_id,
                written.currency
            from written
        ) as written_keys
    where
        not exists (
            select 1
            from reporting.statements
            where
                statements.close_id = written_keys.close_id
                and statements.account_id = written_keys.account_id
                and statements.currency = written_keys.currency
        )
    limit 1;
    if found then  -- guard: register.lines-of-a-known-statement
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'CB-DATA-LINES-WITHOUT-STATEMENT: close ' || unknown.close_id
            || ' has lines of account ' || reporting.key_label(unknown.account_id::text)
            || ' in ' || reporting.currency_label(unknown.currency) || ', and no statement for them',
            constraint = tg_name, table = tg_table_name;
    end if;
    return null;
end;
$$;

create trigger statement_lines_statement_is_known
after insert on reporting.statement_lines
referencing new table as written
for each statement execute function reporting.refuse_lines_without_statement();

create trigger statement_lines_statement_stays_known
after update on reporting.statement_lines
referencing new table as written
for each statement execute function reporting.refuse_lines_without_statement();

create function reporting.keep_statements_of_lines() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    perform 1
    from earlier
    where
        exists (
            select 1
            from reporting.statement_lines as lines
            where
                lines.close_id = earlier.close_id
                and lines.account_id = earlier.account_id
                and lines.currency = earlier.currency
        )
        and not exists (
            select 1
            from reporting.statements
            where
                statements.close_id = earlier.close_id
                and statements.account_id = earlier.account_id
                and statements.currency = earlier.currency
        );
    if found then  -- guard: register.statements-of-lines-stay
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'CB-DATA-STATEMENT-HAS-LINES: a statement that has lines stays in the register: '
            || 'no ' || lower(tg_op),
            constraint = tg_name, table = tg_table_name;
    end if;
    return null;
end;
$$;

create trigger statements_with_lines_are_not_deleted
after delete on reporting.statements
referencing old table as earlier
for each statement execute function reporting.keep_statements_of_lines();

create trigger statements_with_lines_are_not_renamed
after update on reporting.statements
referencing old table as earlier
for each statement execute function reporting.keep_statements_of_lines();

-- Statements are truncated only together with their lines, as with a foreign key.
create function reporting.refuse_lines_of_no_statements() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    -- By size: a transaction's snapshot may be older than rows that are there.
    if pg_relation_size('reporting.statement_lines') > 0 then
        raise exception using
            errcode = 'foreign_key_violation',
            message = 'CB-DATA-LINES-NEED-STATEMENTS: lines refer to statements: truncate both';
    end if;
    return null;
end;
$$;

create trigger statements_are_truncated_with_their_lines
after truncate on reporting.statements
for each statement execute function reporting.refuse_lines_of_no_statements();

-- What some lines have beyond the others: the contract's optional columns. A line without any of
-- them has no row here, so that it is no larger for them.
create table reporting.statement_line_details (
    close_id bigint not null,
    account_id keys.account not null,
    currency text not null,
    line_number bigint not null,
    value_date date,
    -- Minor units of original_currency, with the sign of the line's amount.
    original_amount_minor bigint,
    original_currency text,
    -- Of one original_currency in currency.
    exchange_rate numeric check (exchange_rate > 0),
    counterparty_account text,
    -- What the customer or the other side wrote to know the payment again.
    customer_reference text,
    -- Percent of a year.
    interest_rate numeric,
    primary key (close_id, account_id, currency, line_number),
    foreign key (close_id, account_id, currency)
    references reporting.statements (close_id, account_id, currency),
    check (num_nonnulls(original_amount_minor, original_currency, exchange_rate) in (0, 3))
);

-- Which version of its statement each account and currency has in a close of a month: issued by
-- this close, or by an earlier one. A document belongs to the close that issued the version.
create table reporting.statement_versions (
    close_id bigint not null,
    account_id keys.account not null,
    statement_version integer not null check (statement_version > 0),
    issued_close_id bigint not null check (issued_close_id <= close_id),
    superseded_close_id bigint check (superseded_close_id < issued_close_id),
    currency text not null,
    primary key (close_id, account_id, currency),
    foreign key (close_id, account_id, currency)
    references reporting.statements (close_id, account_id, currency),
    foreign key (issued_close_id, account_id, currency)
    references reporting.statements (close_id, account_id, currency),
    foreign key (superseded_close_id, account_id, currency)
    references reporting.statements (close_id, account_id, currency),
    check ((statement_version = 1) = (superseded_close_id is null))
);

create index statement_versions_issued
on reporting.statement_versions (issued_close_id, account_id);

create index statement_versions_superseded
on reporting.statement_versions (superseded_close_id, account_id)
where superseded_close_id is not null;

create index statement_versions_issued_here
on reporting.statement_versions (close_id, account_id)
where issued_close_id = close_id;

-- The number of each statement of an account in a currency, which some brands print: 1, 2, 3 and so
-- on, without gaps.
create table reporting.statement_numbers (
    account_id keys.account not null,
    currency text not null,
    statement_number integer not null check (statement_number > 0),
    -- The start of the month: all versions of its statement have this number.
    period_start timestamptz not null,
    primary key (account_id, currency, statement_number),
    unique (account_id, currency, period_start)
);

-- What documents are made with: the sha256 is of all the other columns but the time.
create table reporting.renderers (
    renderer_sha256 text primary key check (renderer_sha256 ~ '^[0-9a-f]{64}$'),
    template_version text not null,
    template_sha256 text not null check (template_sha256 ~ '^[0-9a-f]{64}$'),
    renderer_version text not null,
    typefaces jsonb not null,
    first_used_at timestamptz not null default clock_timestamp()
);

-- The documents that were rendered, by their content.
create table reporting.statement_documents (
    close_id bigint not null,
    account_id keys.account not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    byte_count bigint not null check (byte_count > 0),
    object_name text not null,
    template_version text not null,
    renderer_version text not null,
    run_id text not null,
    rendered_at timestamptz not null default clock_timestamp(),
    renderer_sha256 text references reporting.renderers (renderer_sha256),
    conformance text,
    replaced_count bigint check (replaced_count >= 0),
    requested_by text,
    unsigned_sha256 text check (unsigned_sha256 ~ '^[0-9a-f]{64}$'),
    certificate_sha256 text check (certificate_sha256 ~ '^[0-9a-f]{64}$'),
    currency text not null,
    -- Null for a document from before this column.
    crc32 bigint check (crc32 between 0 and 4294967295),
    primary key (close_id, account_id, currency),
    foreign key (close_id, account_id, currency)
    references reporting.statements (close_id, account_id, currency)
);

-- The same statements for programs, as they are attached to the documents: XML and CSV.
create table reporting.statement_twins (
    close_id bigint not null,
    account_id keys.account not null,
    media_type text not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    byte_count bigint not null check (byte_count > 0),
    object_name text not null,
    currency text not null,
    crc32 bigint check (crc32 between 0 and 4294967295),
    primary key (close_id, account_id, currency, media_type),
    foreign key (close_id, account_id, currency)
    references reporting.statement_documents (close_id, account_id, currency)
);

-- Each time that a statement's document could not be made: the code of the error. It is an
-- exception of its month for as long as there is no document.
create table reporting.document_failures (
    failure_id bigint generated always as identity primary key,
    close_id bigint not null,
    account_id keys.account not null,
    reason text not null check (reason ~ '^CB-[A-Z-]+$'),
    run_id text not null,
    failed_at timestamptz not null default clock_timestamp(),
    currency text not null,
    foreign key (close_id, account_id, currency)
    references reporting.statements (close_id, account_id, currency)
);

create index document_failures_statement
on reporting.document_failures (close_id, account_id, currency);

create table reporting.statement_manifests (
    manifest_id bigint generated always as identity primary key,
    close_id bigint not null references reporting.closes (close_id),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    object_name text not null,
    document_count bigint not null check (document_count >= 0),
    missing_count bigint not null check (missing_count >= 0),
    run_id text not null,
    written_at timestamptz not null default clock_timestamp(),
    requested_by text,
    -- The reason of the run that wrote it. After a rejection, why the month is to be decided again.
    reason text,
    root_sha256 text check (root_sha256 ~ '^[0-9a-f]{64}$'),
    -- Statements that are not in document_count and are listed as exceptions, with a reason;
    -- missing_count are those without one.
    exception_count bigint not null default 0 check (exception_count >= 0),
    unique (close_id, sha256)
);

-- The parts that manifests are made from, of 256 statements each, in the document store. They are
-- written one by one: a task that is started again continues where it stopped.
create table reporting.manifest_parts (
    part_id bigint generated always as identity primary key,
    close_id bigint not null references reporting.closes (close_id),
    -- The place of its first statement in the manifest, from 0.
    first_entry bigint not null check (first_entry >= 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    object_name text not null,
    run_id text not null,
    written_at timestamptz not null default clock_timestamp(),
    unique (close_id, first_entry, sha256)
);

-- What the ZIP of a manifest's statements needs to begin at once: how many bytes the files of each
-- block of its entries have. A manifest from before this table has none.
create table reporting.zip_plans (
    manifest_id bigint primary key references reporting.statement_manifests (manifest_id),
    plan jsonb not null
);

-- The accounts that a manifest lists as exceptions: they have no document, for a reason that is on
-- record. Its text names them, so that its hash covers them.
create table reporting.manifest_exceptions (
    manifest_id bigint not null references reporting.statement_manifests (manifest_id),
    -- The account id; 'none' for entries that name no account.
    subject text not null check (subject <> ''),
    reason text not null check (reason <> ''),
    -- Empty for all currencies of the account, as manifests from before this column meant it.
    currency text not null default '',
    primary key (manifest_id, subject, currency)
);

-- What a person decided on a month that was issued, bound to the manifest that they were shown.
create table reporting.statement_decisions (
    decision_id bigint generated always as identity primary key,
    manifest_id bigint not null references reporting.statement_manifests (manifest_id),
    manifest_sha256 text not null check (manifest_sha256 ~ '^[0-9a-f]{64}$'),
    decision text not null check (decision in ('released', 'rejected')),
    decided_by text not null check (decided_by <> ''),
    reason text check (reason <> ''),
    decided_at timestamptz not null default clock_timestamp(),
    -- The user's id in Airflow, and what Airflow recorded of the runs, as the decision was based on
    -- it.
    decided_by_id text,
    run_acts jsonb not null default '[]',
    -- The accounts that a release names as left out.
    named_exceptions text[] not null default '{}',
    check (decision = 'released' or reason is not null),
    constraint statement_decisions_exceptions_have_a_reason
    check (cardinality(named_exceptions) = 0 or reason is not null)
);

create unique index statement_decisions_one_release
on reporting.statement_decisions (manifest_id)
where decision = 'released';

-- Whom the store's owner names in place of an unknown person who acted on a run: a user of Airflow
-- by id. An empty user_name stands for a run that Airflow has no record of.
create table reporting.named_people (
    run_id text not null,
    user_name text not null,
    user_id text not null check (user_id <> ''),
    reason text not null check (reason <> ''),
    named_by text not null default session_user,
    named_at timestamptz not null default clock_timestamp(),
    primary key (run_id, user_name, user_id)
);

-- What the desk did for whom, in the order in which it did: each entry holds the sha256 of the one
-- before and its own, which the trigger below computes. `python -m closebook verify-log` checks it.
create table reporting.desk_log (
    entry_id bigint primary key,
    logged_at timestamptz not null,
    person text not null check (person <> ''),
    act text not null check (
        act in (
            'searched',
            'looked',
            'downloaded',
            'requested re-issue',
            'answered request',
            'reviewed',
            'released',
            'rejected',
            'refused',
            'set legal hold',
            'lifted legal hold'
        )
    ),
    subject text not null check (subject <> ''),
    document_sha256 text check (document_sha256 ~ '^[0-9a-f]{64}$'),
    address text not null,
    previous_sha256 text not null,
    entry_sha256 text not null
);

-- The desk gives person, act, subject, document and address. This trigger sets the other columns.
create function reporting.chain_desk_log() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    -- One entry at a time, until its transaction ends: none can be put in between.
    perform pg_advisory_xact_lock(hashtextextended('closebook desk log', 0));
    select entry_id + 1, entry_sha256
    into new.entry_id, new.previous_sha256
    from reporting.desk_log
    order by entry_id desc
    limit 1;
    new.entry_id := coalesce(new.entry_id, 1);
    new.previous_sha256 := coalesce(new.previous_sha256, repeat('0', 64));
    new.logged_at := clock_timestamp();
    -- Each part with its length in bytes, so that no two entries give one text.
    select encode(
        sha256(
            convert_to(
                string_agg(
                    coalesce(octet_length(part) || ':' || part, '-'), ',' order by place
                ),
                'UTF8'
            )
        ),
        'hex'
    )
    into new.entry_sha256
    from unnest(
        array[
            new.previous_sha256,  -- guard: desk.log-is-chained
            new.entry_id::text,
            to_char(new.logged_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            new.person,
            new.act,
            new.subject,
            new.document_sha256,
            new.address
        ]
    ) with ordinality as parts (part, place);
    return new;
end;
$$;

create trigger desk_log_chain
before insert on reporting.desk_log
for each row execute function reporting.chain_desk_log();

-- Finance asks for a statement to be issued again, and says why; an operator acts on it.
create table reporting.reissue_requests (
    request_id bigint generated always as identity primary key,
    close_id bigint not null,
    account_id keys.account not null,
    reason text not null check (reason <> '' and length(reason) <= 500),
    requested_by text not null check (requested_by <> ''),
    requested_at timestamptz not null default clock_timestamp(),
    currency text not null,
    foreign key (close_id, account_id, currency)
    references reporting.statements (close_id, account_id, currency)
);

create index reissue_requests_statement
on reporting.reissue_requests (close_id, account_id, currency);

create table reporting.reissue_answers (
    request_id bigint primary key references reporting.reissue_requests (request_id),
    answer text not null check (answer in ('issued_again', 'declined')),
    note text check (note <> '' and length(note) <= 500),
    answered_by text not null check (answered_by <> ''),
    answered_at timestamptz not null default clock_timestamp(),
    check (answer = 'issued_again' or note is not null)
);

-- No line is removed before so many years after its month's end, whatever a setting says. The
-- owner of the store writes the row; without it lines stay for ten years.
create table reporting.retention (
    is_the_only_one boolean primary key default true check (is_the_only_one),
    least_years integer not null check (least_years > 0)
);

create view reporting.retention_limit as
select coalesce(min(least_years), 10) as least_years
from reporting.retention;

-- Decisions to keep the lines of an account in the store, and to do so no longer. The last one of
-- an account counts.
create table reporting.legal_holds (
    hold_id bigint generated always as identity primary key,
    account_id keys.account not null,
    decision text not null check (decision in ('set', 'lifted')),
    reason text not null check (reason ~ '\S' and length(reason) <= 500),
    decided_by text not null check (decided_by ~ '\S'),
    decided_at timestamptz not null default clock_timestamp()
);

create index legal_holds_account on reporting.legal_holds (account_id, hold_id);

-- The accounts whose lines stay: one row an account, with the decision that counts.
create view reporting.held_accounts as
select
    holds.account_id,
    holds.hold_id,
    holds.reason,
    holds.decided_by,
    holds.decided_at
from reporting.legal_holds as holds
where
    holds.decision = 'set'
    and not exists (
        select 1
        from reporting.legal_holds as later
        where later.account_id = holds.account_id and later.hold_id > holds.hold_id
    );

-- The documents that have lines of old closes: those of the accounts from the first to the last,
-- without those that were held when it was written.
create table reporting.line_archives (
    archive_id bigint generated always as identity primary key,
    close_id bigint not null references reporting.closes (close_id),
    first_account_id keys.account not null,
    last_account_id keys.account not null,
    line_count bigint not null check (line_count > 0),
    -- The sum of all lines, of whatever currency: it is only compared.
    amount_minor numeric(60, 0) not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    byte_count bigint not null check (byte_count > 0),
    object_name text not null,
    run_id text not null,
    requested_by text,
    written_at timestamptz not null default clock_timestamp(),
    unique (close_id, sha256)
);

-- What was removed once an archive was read back: by currency, for the sums of the audit.
create table reporting.removed_lines (
    archive_id bigint not null references reporting.line_archives (archive_id),
    currency text not null,
    line_count bigint not null check (line_count > 0),
    amount_minor numeric(60, 0) not null,
    removed_at timestamptz not null default clock_timestamp(),
    primary key (archive_id, currency)
);

-- Which history of the platform's database each close was read from. A history is a cluster's log
-- along its timelines. After a failover the log of the old primary may hold commits that the new
-- primary never had: closes that were read from that part of the log are closed again.

-- One row for each history that closes are read from; the last row is the current one. The first
-- close adopts its primary's history, every later one is acknowledged by a person.
create table reporting.platform_histories (
    history_id bigint generated always as identity primary key,
    system_identifier text not null,
    timeline integer not null check (timeline > 0),
    -- The earlier timelines and where each ended, such as 1@0/3000148; null if it was not readable.
    switch_points text,
    is_adopted boolean not null default false,
    acknowledged_by text,
    reason text,
    run_id text not null,
    recorded_at timestamptz not null default clock_timestamp(),
    constraint platform_histories_acknowledged
    check (
        is_adopted
        or (coalesce(acknowledged_by, '') ~ '\S' and coalesce(reason, '') ~ '\S')
    )
);

create unique index platform_histories_one_adopted on reporting.platform_histories (is_adopted)
where is_adopted;

-- For each acknowledged history, up to where each earlier history is the same log: what was read
-- from beyond that position may be lost.
create table reporting.lost_logs (
    acknowledged_history_id bigint not null
    references reporting.platform_histories (history_id),
    history_id bigint not null references reporting.platform_histories (history_id),
    common_lsn pg_lsn not null,
    primary key (acknowledged_history_id, history_id),
    check (history_id < acknowledged_history_id)
);

-- One row for each time that a version of a close was written or confirmed: from which history,
-- behind which fence, and how far the replica had replayed that history's log.
create table reporting.close_readings (
    reading_id bigint generated always as identity primary key,
    close_id bigint not null references reporting.closes (close_id),
    history_id bigint not null references reporting.platform_histories (history_id),
    fence_lsn pg_lsn not null,
    read_lsn pg_lsn not null check (read_lsn >= fence_lsn),
    replica_name text not null,
    run_id text not null,
    read_at timestamptz not null default clock_timestamp()
);

create index close_readings_position on reporting.close_readings (history_id, read_lsn);

create index close_readings_close_id on reporting.close_readings (close_id);

-- Each state of the counter, in the order in which it became true. Redis holds the last.
create table reporting.counter_publications (
    publication_id bigint generated always as identity primary key,
    as_of timestamptz not null,
    counter_document jsonb not null,
    run_id text not null,
    computed_at timestamptz not null default clock_timestamp(),
    -- Under which history it was computed. It may fall once after a failover.
    history_id bigint references reporting.platform_histories (history_id)
);

-- The health of the platform's servers, as the DAG database_health finds it every five minutes.

-- One row a server and collection. Counters have the server's own values, since their last reset;
-- health_intervals has the increase between two samples. A server that did not answer has a problem
-- and no figures.
create table reporting.health_samples (
    sample_id bigint generated always as identity primary key,
    collected_at timestamptz not null,
    server_name text not null,
    server_kind text not null check (server_kind in ('primary', 'replica')),
    problem text,
    postmaster_started_at timestamptz,
    stats_reset_at timestamptz,
    index_blocks_hit bigint,
    index_blocks_read bigint,
    lag_bytes bigint,
    lag_seconds double precision,
    connection_count bigint,
    connection_limit bigint,
    long_query_count bigint,
    longest_query_seconds double precision,
    statements_reset_at timestamptz,
    load_call_count bigint,
    load_ms double precision,
    load_row_count bigint,
    load_block_count bigint,
    unique (server_name, collected_at),
    check ((problem is null) = (postmaster_started_at is not null))
);

create index health_samples_collected_at on reporting.health_samples (collected_at);

create table reporting.health_connections (
    sample_id bigint not null references reporting.health_samples (sample_id) on delete cascade,
    role_name text not null,
    state text not null,
    connection_count bigint not null check (connection_count > 0),
    primary key (sample_id, role_name, state)
);

-- The statements of other roles that are slow on average, without their text.
create table reporting.health_statements (
    sample_id bigint not null references reporting.health_samples (sample_id) on delete cascade,
    role_name text not null,
    query_id bigint not null,
    call_count bigint not null check (call_count > 0),
    total_ms double precision not null,
    primary key (sample_id, role_name, query_id)
);

-- How a replica would run each query of the closes, and whether it uses the expected index.
create table reporting.health_plans (
    sample_id bigint not null references reporting.health_samples (sample_id) on delete cascade,
    query_name text not null,
    meant_index text,
    scans text not null,
    is_as_meant boolean not null,
    primary key (sample_id, query_name)
);

-- The alerts: one row for each alert of a sample.
create table reporting.health_alerts (
    alert_id bigint generated always as identity primary key,
    sample_id bigint not null references reporting.health_samples (sample_id) on delete cascade,
    alert_name text not null,
    detail text not null
);

create index health_alerts_sample_id on reporting.health_alerts (sample_id);

-- The messages that were sent or claimed, so that none is sent twice.

-- One row an event and channel, written before the message is sent. If the process ends in between,
-- the message is lost, and is not sent twice. The outcome is null for such a message, and while one
-- is sent.
create table reporting.notifications (
    channel text not null check (channel <> ''),
    event_kind text not null check (event_kind <> ''),
    subject text not null check (subject <> ''),
    claimed_at timestamptz not null default clock_timestamp(),
    -- unreached: it is certain that nobody got it, so a later run sends it. failed: somebody may
    -- have got it.
    outcome text check (outcome in ('sent', 'unreached', 'failed')),
    primary key (channel, event_kind, subject)
);

create view reporting.current_hourly_volume as
select
    closes.close_id,
    closes.close_version,
    hourly_volume.hour_start,
    hourly_volume.currency,
    hourly_volume.kind,
    hourly_volume.transaction_count,
    hourly_volume.amount_minor,
    hourly_volume.fee_minor,
    hourly_volume.discount_minor
from reporting.hourly_volume
inner join reporting.closes on hourly_volume.close_id = closes.close_id
where closes.is_current;

create view reporting.current_daily_volume as
select
    closes.close_id,
    closes.close_version,
    daily_volume.business_day,
    daily_volume.merchant_id,
    daily_volume.merchant_category,
    daily_volume.user_country,
    daily_volume.currency,
    daily_volume.promotion_funding,
    daily_volume.kind,
    daily_volume.transaction_count,
    daily_volume.amount_minor,
    daily_volume.fee_minor,
    daily_volume.discount_minor
from reporting.daily_volume
inner join reporting.closes on daily_volume.close_id = closes.close_id
where closes.is_current;

-- The volume of every version of a day, also of those that are not current any more: one row a
-- version, currency and kind.
create view reporting.day_versions as
select
    daily_volume.close_id,
    daily_volume.currency,
    daily_volume.kind,
    sum(daily_volume.transaction_count)::bigint as transaction_count,
    sum(daily_volume.amount_minor) as amount_minor,
    sum(daily_volume.fee_minor) as fee_minor,
    sum(daily_volume.discount_minor) as discount_minor
from reporting.daily_volume
group by daily_volume.close_id, daily_volume.currency, daily_volume.kind;

create view reporting.current_daily_account_movement as
select
    closes.close_id,
    closes.close_version,
    daily_account_movement.business_day,
    daily_account_movement.account_id,
    daily_account_movement.currency,
    daily_account_movement.entry_count,
    daily_account_movement.credit_minor,
    daily_account_movement.debit_minor
from reporting.daily_account_movement
inner join reporting.closes on daily_account_movement.close_id = closes.close_id
where closes.is_current;

-- What each new version of a period corrected: one row a version, measure and currency of either
-- version, equal ones too. new_row_count - old_row_count is the number of rows that came late, less
-- those that are gone.
create view reporting.corrections as
with versions as (
    select
        new_closes.close_id,
        new_closes.grain,
        new_closes.period_start,
        new_closes.period_end,
        new_closes.close_version,
        new_closes.closed_at,
        new_closes.run_id,
        new_closes.reason,
        old_closes.close_id as replaced_close_id
    from reporting.closes as new_closes
    inner join reporting.closes as old_closes
        on
            new_closes.grain = old_closes.grain
            and new_closes.period_start = old_closes.period_start
            and new_closes.close_version = old_closes.close_version + 1
),

totals as (
    select
        versions.close_id,
        close_totals.measure,
        close_totals.currency,
        0 as old_row_count,
        close_totals.row_count as new_row_count,
        0 as old_amount_minor,
        close_totals.amount_minor as new_amount_minor
    from versions
    inner join reporting.close_totals on versions.close_id = close_totals.close_id

    union all

    select
        versions.close_id,
        close_totals.measure,
        close_totals.currency,
        close_totals.row_count as old_row_count,
        0 as new_row_count,
        close_totals.amount_minor as old_amount_minor,
        0 as new_amount_minor
    from versions
    inner join reporting.close_totals on versions.replaced_close_id = close_totals.close_id
)

select
    versions.close_id,
    versions.replaced_close_id,
    versions.grain,
    versions.period_start,
    versions.period_end,
    versions.close_version,
    versions.closed_at,
    versions.run_id,
    versions.reason,
    totals.measure,
    totals.currency,
    sum(totals.old_row_count)::bigint as old_row_count,
    sum(totals.new_row_count)::bigint as new_row_count,
    sum(totals.new_row_count - totals.old_row_count)::bigint as late_row_count,
    sum(totals.old_amount_minor) as old_amount_minor,
    sum(totals.new_amount_minor) as new_amount_minor,
    sum(totals.new_amount_minor - totals.old_amount_minor) as late_amount_minor
from versions
inner join totals on versions.close_id = totals.close_id
group by
    versions.close_id,
    versions.replaced_close_id,
    versions.grain,
    versions.period_start,
    versions.period_end,
    versions.close_version,
    versions.closed_at,
    versions.run_id,
    versions.reason,
    totals.measure,
    totals.currency;

-- The rows that came late for a closed period and that the close of an enclosing one found: the
-- hours that a day closed again, and the days and hours that a month did. One row a version of the
-- shorter period, measure and currency. Both were written by one reading: it has one position.
create view reporting.late_rows as
with first_readings as (
    select
        close_id,
        min(reading_id) as reading_id
    from reporting.close_readings
    group by close_id
),

found as (
    select closes.close_id
    from reporting.closes
    inner join first_readings on closes.close_id = first_readings.close_id
    inner join reporting.close_readings as readings
        on first_readings.reading_id = readings.reading_id
    where
        closes.close_version > 1
        and exists (
            select 1
            from reporting.close_readings as enclosing_readings
            inner join reporting.closes as enclosing
                on enclosing_readings.close_id = enclosing.close_id
            where
                enclosing_readings.history_id = readings.history_id
                and enclosing_readings.read_lsn = readings.read_lsn
                and enclosing_readings.fence_lsn = readings.fence_lsn
                and enclosing_readings.run_id = readings.run_id
                and enclosing.grain <> closes.grain
                and enclosing.period_start <= closes.period_start
                and enclosing.period_end >= closes.period_end
        )
)

select
    corrections.close_id,
    corrections.grain,
    corrections.period_start,
    corrections.measure,
    corrections.currency,
    corrections.late_row_count
from reporting.corrections
inner join found on corrections.close_id = found.close_id
where corrections.late_row_count > 0;

-- The runs that closed, rendered or listed what a release of a manifest would show, with the user
-- names that the register has for them: one row a run and name. What is released already is left
-- out, but for documents of accounts that a release named as its exceptions. A run that only
-- confirmed the month is one of them: its checks are on record.
create function reporting.involved_runs(shown_manifest_id bigint)
returns table (run_id text, requested_by text)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    with shown as (
        select shown_manifest_id as manifest_id
    ),

    manifest as (
        select
            manifests.manifest_id,
            manifests.close_id
        from reporting.statement_manifests as manifests
        inner join shown on manifests.manifest_id = shown.manifest_id
    ),

    documents as (
        select
            versions.account_id,
            versions.currency,
            documents.close_id,
            documents.run_id,
            documents.requested_by
        from reporting.statement_versions as versions
        inner join manifest on versions.close_id = manifest.close_id
        inner join reporting.statement_documents as documents
            on
                versions.issued_close_id = documents.close_id
                and versions.account_id = documents.account_id
                and versions.currency = documents.currency
    ),

    -- What an earlier close issued and nobody has released is released with this one.
    unreleased as (
        select standing.close_id
        from (
            select manifest.close_id
            from manifest
            union
            select versions.issued_close_id
            from reporting.statement_versions as versions
            inner join manifest on versions.close_id = manifest.close_id
        ) as standing
        where
            not exists (
                select 1
                from reporting.statement_decisions as decisions
                inner join reporting.statement_manifests as manifests
                    on decisions.manifest_id = manifests.manifest_id
                where
                    manifests.close_id = standing.close_id
                    and decisions.decision = 'released'
            )
    ),

    -- What was made for the exceptions of a release, which that release does not cover.
    made_since as (
        select
            documents.run_id,
            documents.requested_by
        from documents
        inner join reporting.manifest_exceptions as exceptions
            on
                documents.account_id::text = exceptions.subject
                and exceptions.currency in ('', documents.currency)
        inner join reporting.statement_manifests as manifests
            on exceptions.manifest_id = manifests.manifest_id
        inner join manifest on manifests.close_id = manifest.close_id
        inner join reporting.statement_decisions as decisions
            on manifests.manifest_id = decisions.manifest_id
        where decisions.decision = 'released'
    )

    select
        closes.run_id,
        closes.requested_by
    from reporting.closes
    inner join unreleased on closes.close_id = unreleased.close_id
    union
    select
        manifests.run_id,
        manifests.requested_by
    from reporting.statement_manifests as manifests
    inner join unreleased on manifests.close_id = unreleased.close_id
    union
    select
        documents.run_id,
        documents.requested_by
    from documents
    inner join unreleased on documents.close_id = unreleased.close_id
    union
    select
        made_since.run_id,
        made_since.requested_by
    from made_since
    union
    select
        manifests.run_id,
        manifests.requested_by
    from reporting.statement_manifests as manifests
    inner join manifest on manifests.manifest_id = manifest.manifest_id
    where exists (select 1 from made_since)
    union
    select
        tie_outs.run_id,
        null as requested_by
    from reporting.tie_outs
    inner join unreleased on tie_outs.close_id = unreleased.close_id
    -- A run records rows_equal_source only for closes that it wrote or confirmed. It records other
    -- checks also for closes that depend on those.
    where tie_outs.check_name = 'rows_equal_source';
end;

-- The reasons why a person may not give a verdict on a manifest: one row an obstacle, none if they
-- may.
-- An obstacle is a code; closebook.statements.release has its text. A person is an id of Airflow's
-- users. run_acts is what Airflow recorded of the involved runs: an array of objects with run_id,
-- act, user_id and user_name; an act without a user_id is that of an unknown person, unless it is
-- 'scheduled'. No other place has the rule: the trigger below and the desk call this function.
create function reporting.decision_obstacles(
    shown_manifest_id bigint,
    shown_sha256 text,
    verdict text,
    person_id text,
    run_acts jsonb
)
returns table (obstacle text, detail text)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    with shown as (
        select
            shown_manifest_id as manifest_id,
            shown_sha256 as sha256,
            verdict,
            coalesce(person_id, '') as person_id,
            coalesce(run_acts, '[]') as run_acts
    ),

    manifest as (
        select
            manifests.manifest_id,
            manifests.close_id,
            manifests.sha256,
            manifests.document_count,
            manifests.missing_count,
            closes.grain,
            closes.period_start,
            closes.period_end,
            closes.is_current
        from reporting.statement_manifests as manifests
        inner join shown on manifests.manifest_id = shown.manifest_id
        inner join reporting.closes on manifests.close_id = closes.close_id
    ),

    -- Of a check that was made several times the last result counts.
    checked as (
        select distinct on (tie_outs.period_start, tie_outs.grain, tie_outs.check_name)
            tie_outs.grain,
            tie_outs.period_start,
            tie_outs.check_name,
            tie_outs.offending_count,
            tie_outs.close_id
        from reporting.tie_outs
        inner join manifest
            on
                tie_outs.period_start >= manifest.period_start
                and tie_outs.period_start < manifest.period_end
        left join reporting.closes on tie_outs.close_id = closes.close_id
        where tie_outs.close_id is null or closes.is_current
        order by
            tie_outs.period_start asc,
            tie_outs.grain asc,
            tie_outs.check_name asc,
            tie_outs.tie_out_id desc
    ),

    documents as (
        select versions.account_id
        from reporting.statement_versions as versions
        inner join manifest on versions.close_id = manifest.close_id
        inner join reporting.statement_documents as documents
            on
                versions.issued_close_id = documents.close_id
                and versions.account_id = documents.account_id
                and versions.currency = documents.currency
    ),

    involved as (
        select
            runs.run_id,
            runs.requested_by
        from shown
        cross join
            lateral reporting.involved_runs(shown.manifest_id) as runs
    ),

    -- Who did what to these runs: what Airflow recorded, and whom the owner of the store named.
    acts as (
        select
            recorded.run_id,
            recorded.act,
            recorded.user_id,
            coalesce(recorded.user_name, '') as user_name
        from shown
        cross join
            lateral jsonb_to_recordset(shown.run_acts)
                as recorded (run_id text, act text, user_id text, user_name text)
        where recorded.run_id in (select involved.run_id from involved)
        union all
        select
            named.run_id,
            'named' as act,
            named.user_id,
            named.user_name
        from reporting.named_people as named
        where named.run_id in (select involved.run_id from involved)
    ),

    -- Each start of a run, and each time that it was cleared or reprocessed, is somebody's act.
    starts as (
        select
            run_starts.run_id,
            max(run_starts.clear_number) + 1 as start_count
        from reporting.run_starts
        where
            run_starts.dag_id in ('monthly_statements', 'acknowledge_failover')
            and run_starts.run_id in (select involved.run_id from involved)
        group by run_starts.run_id
    ),

    unknown as (
        select concat_ws(' ', acts.run_id || ':', acts.act, 'by', acts.user_name) as detail
        from acts
        where
            acts.user_id is null
            and acts.act <> 'scheduled'
            and not exists (
                select 1
                from acts as named
                where
                    named.run_id = acts.run_id
                    and named.act = 'named'
                    and named.user_name = acts.user_name
            )
        union
        select involved.run_id || ': Airflow has no record of it'
        from involved
        where
            not exists (
                select 1
                from acts
                where acts.run_id = involved.run_id
            )
        union
        select involved.run_id || ': started by ' || involved.requested_by
        from involved
        where
            involved.requested_by is not null
            and not exists (
                select 1
                from acts
                where
                    acts.run_id = involved.run_id
                    and acts.user_name = involved.requested_by
            )
        union
        select starts.run_id || ': Airflow does not say who started it again'
        from starts
        where
            starts.start_count
            > (
                select count(*)
                from acts
                where acts.run_id = starts.run_id
            )
    ),

    obstacles as (
        select
            'no_such_manifest' as obstacle,
            shown.manifest_id::text as detail
        from shown
        where not exists (select 1 from manifest)

        union all

        select
            'other_hash' as obstacle,
            manifest.sha256 as detail
        from manifest
        inner join shown on manifest.manifest_id = shown.manifest_id
        where manifest.sha256 is distinct from shown.sha256

        union all

        select
            'already_released' as obstacle,
            decisions.decided_by as detail
        from reporting.statement_decisions as decisions
        inner join shown on decisions.manifest_id = shown.manifest_id
        where decisions.decision = 'released'

        union all

        select
            'rejected' as obstacle,
            decisions.decided_by as detail
        from reporting.statement_decisions as decisions
        inner join shown on decisions.manifest_id = shown.manifest_id
        where decisions.decision = 'rejected'
    ),

    obstacles_to_release as (
        select
            'closed_again' as obstacle,
            manifest.close_id::text as detail
        from manifest
        where not manifest.is_current

        union all

        select
            'issued_since' as obstacle,
            max(later.manifest_id)::text as detail
        from manifest
        inner join reporting.statement_manifests as later
            on manifest.close_id = later.close_id and manifest.manifest_id < later.manifest_id
        having count(*) > 0

        union all

        select
            'documents_issued_since' as obstacle,
            (count(documents.account_id) - manifest.document_count)::text as detail
        from manifest
        left join documents on true
        group by manifest.document_count
        having count(documents.account_id) <> manifest.document_count

        union all

        select
            'documents_missing' as obstacle,
            manifest.missing_count::text as detail
        from manifest
        where manifest.missing_count > 0

        union all

        select
            'check_failed' as obstacle,
            concat_ws(' ', checked.check_name, checked.grain, checked.period_start) as detail
        from checked
        where checked.offending_count > 0

        union all

        select
            'no_check_on_record' as obstacle,
            manifest.close_id::text as detail
        from manifest
        where
            not exists (
                select 1
                from checked
                where checked.close_id = manifest.close_id
            )

        union all

        select
            'person_unknown' as obstacle,
            unknown.detail
        from unknown

        union all

        select
            'second_person_needed' as obstacle,
            string_agg(distinct concat_ws(' ', acts.run_id || ':', acts.act), ', ') as detail
        from shown
        left join acts
            on shown.person_id = acts.user_id
        having
            bool_or(shown.person_id = '')
            or count(acts.run_id) > 0
    )

    select
        obstacles.obstacle,
        obstacles.detail
    from obstacles

    union all

    select
        obstacles_to_release.obstacle,
        obstacles_to_release.detail
    from obstacles_to_release
    inner join shown on shown.verdict = 'released';
end;

create function reporting.refuse_decision_with_obstacles() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    found text;
begin
    -- One decision on a manifest at a time: the next one sees what this one wrote.
    perform pg_advisory_xact_lock(
        hashtextextended('closebook decision ' || new.manifest_id, 0)
    );
    select string_agg(concat_ws(': ', obstacle, detail), '; ')
    into found
    from reporting.decision_obstacles(
        new.manifest_id, new.manifest_sha256, new.decision, new.decided_by_id, new.run_acts
    );
    if found is not null then  -- guard: release.table-refuses
        raise exception using
            errcode = 'check_violation',
            message = 'CB-DATA-DECISION-REFUSED: '
            || concat_ws(' ', 'manifest', new.manifest_id) || ' is not ' || new.decision
            || ': ' || found;
    end if;
    return new;
end;
$$;

create trigger statement_decisions_refuse_obstacles
before insert on reporting.statement_decisions
for each row execute function reporting.refuse_decision_with_obstacles();

-- Why a person may not release a month without its exceptions: one row an obstacle. A release names
-- each account that the manifest lists as an exception, and no other.
create function reporting.exception_obstacles(
    shown_manifest_id bigint,
    verdict text,
    named text[]
)
returns table (obstacle text, detail text)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    with shown as (
        select
            shown_manifest_id as manifest_id,
            verdict
    ),

    listed as (
        select exceptions.subject
        from reporting.manifest_exceptions as exceptions
        inner join shown on exceptions.manifest_id = shown.manifest_id
    ),

    manifest as (
        select manifests.exception_count
        from reporting.statement_manifests as manifests
        inner join shown on manifests.manifest_id = shown.manifest_id
    ),

    named_subjects as (
        select distinct unnest(named) as subject
    ),

    not_named as (
        select subject
        from listed
        except
        select subject
        from named_subjects
    ),

    not_listed as (
        select subject
        from named_subjects
        except
        select subject
        from listed
    ),

    obstacles as (
        select
            'exceptions_not_named' as obstacle,
            count(*)::text as detail
        from not_named
        having count(*) > 0

        union all

        select
            'no_such_exception' as obstacle,
            min(not_listed.subject) as detail
        from not_listed
        having count(*) > 0

        union all

        select
            'exceptions_changed' as obstacle,
            manifest.exception_count::text as detail
        from manifest
        where manifest.exception_count <> (select count(*) from listed)
    )

    select
        obstacles.obstacle,
        obstacles.detail
    from obstacles
    inner join shown on shown.verdict = 'released';
end;

create function reporting.refuse_unnamed_exceptions() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    found text;
begin
    select string_agg(concat_ws(': ', obstacle, detail), '; ')
    into found
    from reporting.exception_obstacles(
        new.manifest_id, new.decision, new.named_exceptions
    );
    if found is not null then  -- guard: release.exceptions-are-named
        raise exception using
            errcode = 'check_violation',
            message = 'CB-DATA-DECISION-REFUSED: '
            || concat_ws(' ', 'manifest', new.manifest_id) || ' is not ' || new.decision
            || ': ' || found;
    end if;
    return new;
end;
$$;

create trigger statement_decisions_refuse_unnamed_exceptions
before insert on reporting.statement_decisions
for each row execute function reporting.refuse_unnamed_exceptions();

-- The key of decisions: at most one row. Of HMAC-SHA256 it has the two blocks that a message is
-- hashed with, since PostgreSQL has no xor of bytes. The owner reads it, and nobody else.
create table reporting.decision_key (
    is_the_only_one boolean primary key default true check (is_the_only_one),
    inner_block bytea not null check (length(inner_block) = 64),
    outer_block bytea not null check (length(outer_block) = 64),
    set_at timestamptz not null default clock_timestamp()
);

-- Returns what a claim says, as JSON, if its proof is the HMAC-SHA256 of its text by the key of
-- decisions. A claim is a JSON object: which record it is for, all that is written, and the
-- transaction that it is made in. All that the desk writes comes through here: a log-in to the
-- store proves no person.
create function reporting.proven_claim(record_kind text, claim text, proof bytea) returns jsonb
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
    expected bytea;
    claimed jsonb;
begin
    select sha256(key.outer_block || sha256(key.inner_block || convert_to(claim, 'UTF8')))
    into expected
    from reporting.decision_key as key;
    if expected is null or proof is null or proof <> expected then  -- guard: release.proof
        raise exception using
            errcode = 'invalid_authorization_specification',
            message = 'CB-CONFIG-DECISION-UNPROVEN: what is written has no proof by the key of '
            || 'decisions, for this record and transaction';
    end if;
    claimed := claim::jsonb;
    -- A proof that somebody saw is of no use in another transaction, or for another record.
    if
        -- guard: release.proof-is-of-this-transaction
        coalesce(claimed ->> 'transaction', '') <> pg_current_xact_id()::text
        or coalesce(claimed ->> 'record', '') <> record_kind  -- guard: release.proof-is-of-this-record
    then
        raise exception using
            errcode = 'invalid_authorization_specification',
            message = 'CB-CONFIG-DECISION-UNPROVEN: what is written has no proof by the key of '
            || 'decisions, for this record and transaction';
    end if;
    return claimed;
end;
$$;

-- Writes that a person released or rejected a month. The one way by which the desk writes a
-- decision: the triggers of the table refuse one that has an obstacle.
create function reporting.record_decision(claim text, proof bytea)
returns table (decision_id bigint, decided_at timestamptz)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    claimed jsonb := reporting.proven_claim('decision', claim, proof);
begin
    return query
    insert into reporting.statement_decisions as decisions (
        manifest_id, manifest_sha256, decision, decided_by, decided_by_id, run_acts, reason,
        named_exceptions
    )
    values (
        (claimed ->> 'manifest_id')::bigint,
        claimed ->> 'manifest_sha256',
        claimed ->> 'decision',
        claimed ->> 'person_name',
        claimed ->> 'person_id',
        claimed -> 'run_acts',
        claimed ->> 'reason',
        array(select jsonb_array_elements_text(claimed -> 'named_exceptions'))
    )
    returning decisions.decision_id, decisions.decided_at;
end;
$$;

-- Writes a person's request to issue a statement again. While one about the same version is open,
-- nothing is written, and no row comes.
create function reporting.record_reissue_request(claim text, proof bytea)
returns table (request_id bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    claimed jsonb := reporting.proven_claim('request', claim, proof);
begin
    return query
    insert into reporting.reissue_requests as requests (
        close_id, account_id, currency, reason, requested_by
    )
    select
        (claimed ->> 'close_id')::bigint,
        (claimed ->> 'account_id')::reporting.account_key,
        claimed ->> 'currency',
        claimed ->> 'reason',
        claimed ->> 'person'
    where
        not exists (
            select 1
            from reporting.reissue_requests as earlier
            left join reporting.reissue_answers as answers
                on earlier.request_id = answers.request_id
            where
                earlier.close_id = (claimed ->> 'close_id')::bigint
                and earlier.account_id = (claimed ->> 'account_id')::reporting.account_key
                and earlier.currency = claimed ->> 'currency'
                and answers.request_id is null  -- guard: desk.one-open-request
        )
    returning requests.request_id;
end;
$$;

-- Writes a person's answer to a request, once: a second answer changes nothing and gives no row.
create function reporting.record_reissue_answer(claim text, proof bytea)
returns table (request_id bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    claimed jsonb := reporting.proven_claim('answer', claim, proof);
begin
    return query
    insert into reporting.reissue_answers as answers (request_id, answer, note, answered_by)
    select
        requests.request_id,
        claimed ->> 'answer',
        claimed ->> 'note',
        claimed ->> 'person'
    from reporting.reissue_requests as requests
    where requests.request_id = (claimed ->> 'request_id')::bigint
    on conflict on constraint reissue_answers_pkey do nothing
    returning answers.request_id;
end;
$$;

-- Writes an entry of the desk's log; a trigger sets its number, time and hashes.
create function reporting.record_log_entry(claim text, proof bytea) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    claimed jsonb := reporting.proven_claim('log entry', claim, proof);
begin
    insert into reporting.desk_log (person, act, subject, document_sha256, address)
    values (
        claimed ->> 'person',
        claimed ->> 'act',
        claimed ->> 'subject',
        claimed ->> 'document_sha256',
        claimed ->> 'address'
    );
end;
$$;

-- Removes the lines that an archive has, and returns how many; 0 if they were removed before. It
-- runs as its owner: nobody else deletes lines. It refuses a month that is not old enough, and an
-- archive that does not have exactly the lines that would go, such as after a hold was set.
create function reporting.remove_archived_lines(removed_archive_id bigint) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    archive record;
    removed_count bigint;
    removed_minor numeric;
begin
    -- No hold is set until the transaction ends, and no second run removes the same lines.
    lock table reporting.legal_holds in share mode;
    select
        written.archive_id,
        written.close_id,
        written.first_account_id,
        written.last_account_id,
        written.line_count,
        written.amount_minor
    into strict archive
    from reporting.line_archives as written
    where written.archive_id = removed_archive_id
    for update;
    if
        exists (
            select 1
            from reporting.removed_lines as removed
            where removed.archive_id = archive.archive_id
        )
    then
        return 0;
    end if;
    if
        not exists (
            select 1
            from reporting.closes as months
            cross join reporting.retention_limit as kept
            where
                months.close_id = archive.close_id
                and months.grain = 'month'
                -- guard: retention.not-before-its-time
                and months.period_end <= now() - make_interval(years => kept.least_years)
        )
    then
        raise exception using
            errcode = 'restrict_violation',
            message = 'CB-DATA-LINES-STAY: the lines of close ' || archive.close_id
            || ' are not old enough to be removed';
    end if;
    delete from reporting.statement_line_details as details
    where
        details.close_id = archive.close_id
        and details.account_id between archive.first_account_id and archive.last_account_id
        and details.account_id not in (select held.account_id from reporting.held_accounts as held);
    with gone as (
        delete from reporting.statement_lines as lines
        where
            lines.close_id = archive.close_id
            and lines.account_id between archive.first_account_id and archive.last_account_id
            -- guard: retention.held-lines-stay
            and lines.account_id not in (select held.account_id from reporting.held_accounts as held)
        returning lines.currency, lines.amount_minor
    )

    insert into reporting.removed_lines (archive_id, currency, line_count, amount_minor)
    select
        archive.archive_id,
        gone.currency,
        count(*),
        sum(gone.amount_minor)
    from gone
    group by gone.currency;
    select
        sum(removed.line_count),
        sum(removed.amount_minor)
    into removed_count, removed_minor
    from reporting.removed_lines as removed
    where removed.archive_id = archive.archive_id;
    -- guard: retention.what-goes-is-what-was-written
    if (removed_count, removed_minor) is distinct from (archive.line_count, archive.amount_minor) then
        raise exception using
            errcode = 'restrict_violation',
            message = 'CB-DATA-ARCHIVE-OUTDATED: archive ' || archive.archive_id
            || ' does not have the lines that would be removed: run it again';
    end if;
    return removed_count;
end;
$$;

-- Writes that a person has set or lifted a legal hold, and the entry of the desk's log.
create function reporting.record_legal_hold(claim text, proof bytea)
returns table (hold_id bigint)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    claimed jsonb := reporting.proven_claim('legal hold', claim, proof);
begin
    return query
    insert into reporting.legal_holds as holds (account_id, decision, reason, decided_by)
    values (
        (claimed ->> 'account_id')::reporting.account_key,
        claimed ->> 'decision',
        claimed ->> 'reason',
        claimed ->> 'person'
    )
    returning holds.hold_id;
    insert into reporting.desk_log (person, act, subject, document_sha256, address)
    values (
        claimed ->> 'person',
        (claimed ->> 'decision') || ' legal hold',
        'account ' || (claimed ->> 'account_id'),
        null,
        claimed ->> 'address'
    );
end;
$$;

-- For each statement that was released, one event that a platform can turn into a mail to its
-- holder. The transaction of the release writes them.

-- One row a version of a statement, in the order of the releases: an event that is committed later
-- has a higher event_id. No foreign keys: a release of 200,000 statements writes as many rows, all
-- from the tables that these would name.
create table reporting.statement_events (
    event_id bigint generated always as identity primary key,
    decision_id bigint not null,
    -- The close that issued the version, not the one that was released.
    close_id bigint not null,
    account_id keys.account not null,
    currency text not null,
    statement_version integer not null check (statement_version > 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    unique (close_id, account_id, currency)
);

-- Up to which event the broker has confirmed all: one row a batch.
create table reporting.statement_event_batches (
    last_event_id bigint primary key references reporting.statement_events (event_id),
    event_count bigint not null check (event_count > 0),
    published_at timestamptz not null default clock_timestamp()
);

-- Writes the events of a release: of each version that it shows first. What an earlier release has
-- shown has no event again, and neither what this one names as left out.
create function reporting.write_statement_events() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    -- Until the end of the transaction no other release writes events: so the numbers come in the
    -- order in which others see them, and whoever reads beyond the last number misses none.
    -- guard: events.in-order-of-release
    perform pg_advisory_xact_lock(hashtextextended('closebook statement events', 0));
    insert into reporting.statement_events (
        decision_id, close_id, account_id, currency, statement_version, sha256
    )
    select
        new.decision_id,
        versions.issued_close_id,
        versions.account_id,
        versions.currency,
        versions.statement_version,
        documents.sha256
    from reporting.statement_manifests as manifests
    inner join reporting.statement_versions as versions on manifests.close_id = versions.close_id
    inner join reporting.statement_documents as documents
        on
            versions.issued_close_id = documents.close_id
            and versions.account_id = documents.account_id
            and versions.currency = documents.currency
    where
        manifests.manifest_id = new.manifest_id
        and not exists (
            select 1
            from reporting.manifest_exceptions as exceptions
            where
                exceptions.manifest_id = new.manifest_id
                and exceptions.subject = versions.account_id::text
                and exceptions.currency in ('', versions.currency)
        )
        and not exists (
            select 1
            from reporting.statement_decisions as earlier
            inner join reporting.statement_manifests as shown
                on earlier.manifest_id = shown.manifest_id
            inner join reporting.statement_versions as standing
                on shown.close_id = standing.close_id
            where
                earlier.decision_id < new.decision_id
                and earlier.decision = 'released'  -- guard: events.no-version-twice
                and standing.issued_close_id = versions.issued_close_id
                and standing.account_id = versions.account_id
                and standing.currency = versions.currency
                and not exists (
                    select 1
                    from reporting.manifest_exceptions as exceptions
                    where
                        exceptions.manifest_id = shown.manifest_id
                        and exceptions.subject = versions.account_id::text
                        and exceptions.currency in ('', versions.currency)
                )
        )
    order by versions.account_id, versions.currency
    on conflict (close_id, account_id, currency) do nothing;
    return null;
end;
$$;

create trigger statement_decisions_write_events
after insert on reporting.statement_decisions
for each row when (new.decision = 'released')
execute function reporting.write_statement_events();

-- The statements that may be seen without the permission to review: one row a version that is in a
-- released month, and no exception of that release. It stays here when a later version is released;
-- is_superseded is true then.
create view reporting.released_statements as
select
    statements.close_id,
    statements.account_id,
    versions.statement_version,
    closes.period_start,
    closes.period_end,
    closes.time_zone,
    statements.currency,
    documents.sha256,
    documents.byte_count,
    documents.object_name,
    releases.manifest_sha256,
    releases.manifest_object_name,
    releases.decided_by as released_by,
    releases.decided_at as released_at,
    exists(
        select 1
        from reporting.statement_versions as later
        inner join reporting.closes as later_closes
            on later.close_id = later_closes.close_id
        inner join reporting.statement_manifests as manifests
            on later.close_id = manifests.close_id
        inner join reporting.statement_decisions as decisions
            on manifests.manifest_id = decisions.manifest_id
        where
            later_closes.grain = closes.grain
            and later_closes.period_start = closes.period_start
            and later.account_id = statements.account_id
            and later.currency = statements.currency
            and later.statement_version > versions.statement_version
            and decisions.decision = 'released'
            and not exists (
                select 1
                from reporting.manifest_exceptions as exceptions
                where
                    exceptions.manifest_id = manifests.manifest_id
                    and exceptions.subject = statements.account_id::text
                    and exceptions.currency in ('', statements.currency)
            )
    ) as is_superseded
from reporting.statements
inner join reporting.closes on statements.close_id = closes.close_id
inner join reporting.statement_versions as versions
    on
        statements.close_id = versions.close_id
        and statements.account_id = versions.account_id
        and statements.currency = versions.currency
        and versions.issued_close_id = versions.close_id
inner join reporting.statement_documents as documents
    on
        statements.close_id = documents.close_id
        and statements.account_id = documents.account_id
        and statements.currency = documents.currency
cross join lateral (
    select
        manifests.object_name as manifest_object_name,
        decisions.manifest_sha256,
        decisions.decided_by,
        decisions.decided_at
    from reporting.statement_versions as standing
    inner join reporting.statement_manifests as manifests
        on standing.close_id = manifests.close_id
    inner join reporting.statement_decisions as decisions
        on manifests.manifest_id = decisions.manifest_id
    where
        standing.issued_close_id = statements.close_id
        and standing.account_id = statements.account_id
        and standing.currency = statements.currency
        and decisions.decision = 'released'
        -- What a release named as left out is not released by it, though it is made later.
        and not exists (
            select 1
            from reporting.manifest_exceptions as exceptions
            where
                exceptions.manifest_id = manifests.manifest_id
                and exceptions.subject = statements.account_id::text
                and exceptions.currency in ('', statements.currency)
        )
    order by decisions.decided_at asc
    limit 1
) as releases;

-- The increase of a server's counters since the sample before: one row a sample. It is null for the
-- first sample of a server, where one of the two has no counters, and when they were reset or
-- another server has its name now.
create view reporting.health_intervals as
with pairs as (
    select
        samples.sample_id,
        samples.collected_at,
        samples.server_name,
        samples.server_kind,
        previous.sample_id as previous_sample_id,
        extract(epoch from samples.collected_at - previous.collected_at)::double precision
            as interval_seconds,
        samples.index_blocks_hit - previous.index_blocks_hit as index_blocks_hit,
        samples.index_blocks_read - previous.index_blocks_read as index_blocks_read,
        samples.load_call_count - previous.load_call_count as load_call_count,
        samples.load_ms - previous.load_ms as load_ms,
        samples.load_row_count - previous.load_row_count as load_row_count,
        samples.load_block_count - previous.load_block_count as load_block_count,
        coalesce(
            samples.postmaster_started_at = previous.postmaster_started_at
            and samples.stats_reset_at is not distinct from previous.stats_reset_at,
            false
        ) as blocks_go_on,
        coalesce(
            samples.postmaster_started_at = previous.postmaster_started_at
            and samples.statements_reset_at = previous.statements_reset_at,
            false
        ) as statements_go_on
    from reporting.health_samples as samples
    left join lateral (
        select
            earlier.sample_id,
            earlier.collected_at,
            earlier.postmaster_started_at,
            earlier.stats_reset_at,
            earlier.statements_reset_at,
            earlier.index_blocks_hit,
            earlier.index_blocks_read,
            earlier.load_call_count,
            earlier.load_ms,
            earlier.load_row_count,
            earlier.load_block_count
        from reporting.health_samples as earlier
        where
            earlier.server_name = samples.server_name
            and earlier.collected_at < samples.collected_at
        order by earlier.collected_at desc
        limit 1
    ) as previous on true
),

judged as (
    select
        pairs.sample_id,
        pairs.collected_at,
        pairs.server_name,
        pairs.server_kind,
        pairs.previous_sample_id,
        pairs.interval_seconds,
        pairs.statements_go_on,
        pairs.index_blocks_hit,
        pairs.index_blocks_read,
        pairs.load_call_count,
        pairs.load_ms,
        pairs.load_row_count,
        pairs.load_block_count,
        pairs.blocks_go_on
        and least(pairs.index_blocks_hit, pairs.index_blocks_read) >= 0 as blocks_are_known,
        pairs.statements_go_on
        and least(
            pairs.load_call_count, pairs.load_ms, pairs.load_row_count, pairs.load_block_count
        ) >= 0 as load_is_known
    from pairs
)

select
    sample_id,
    collected_at,
    server_name,
    server_kind,
    previous_sample_id,
    interval_seconds,
    statements_go_on,
    case when blocks_are_known then index_blocks_hit end as index_blocks_hit,
    case when blocks_are_known then index_blocks_read end as index_blocks_read,
    case when load_is_known then load_call_count end as load_call_count,
    case when load_is_known then load_ms end as load_ms,
    case when load_is_known then load_row_count end as load_row_count,
    case when load_is_known then load_block_count end as load_block_count
from judged;

-- Deletes health samples that are older than 90 days. The store's role has no right to delete; it
-- may only call this function.
create function reporting.purge_health() returns bigint
language sql volatile security definer set search_path = pg_catalog, pg_temp
begin atomic
    with purged as (
        delete from reporting.health_samples
        where collected_at < clock_timestamp() - interval '90 days'
        returning sample_id
    )

    select count(*) from purged;
end;

-- Every version of a statement that was ever issued, and whether it is released: one row a version.
-- One that is 'issued' only, or whose document is 'missing', is for reviewers.
create view reporting.issued_statements as
select -- noqa: ST06
    versions.close_id,
    versions.account_id,
    versions.statement_version,
    versions.superseded_close_id,
    closes.period_start,
    closes.period_end,
    closes.time_zone,
    closes.closed_at,
    closes.reason,
    statements.account_number,
    statements.holder_name,
    statements.currency,
    statements.opening_minor,
    statements.closing_minor,
    statements.line_count,
    documents.sha256,
    documents.byte_count,
    documents.object_name,
    documents.replaced_count,
    released.released_by,
    released.released_at,
    case
        when released.is_superseded then 'superseded'
        when released.close_id is not null then 'released'
        when documents.close_id is not null then 'issued'
        else 'missing'
    end as statement_state,
    -- The manifest by which it was released, else the newest one of the close that issued it.
    coalesce(
        released.manifest_sha256,
        (
            select manifests.sha256
            from reporting.statement_manifests as manifests
            where manifests.close_id = versions.close_id
            order by manifests.manifest_id desc
            limit 1
        )
    ) as manifest_sha256,
    coalesce(
        released.manifest_object_name,
        (
            select manifests.object_name
            from reporting.statement_manifests as manifests
            where manifests.close_id = versions.close_id
            order by manifests.manifest_id desc
            limit 1
        )
    ) as manifest_object_name,
    statements.account_search,
    statements.holder_search
from reporting.statement_versions as versions
inner join reporting.statements
    on
        versions.close_id = statements.close_id
        and versions.account_id = statements.account_id
        and versions.currency = statements.currency
inner join reporting.closes on versions.close_id = closes.close_id
left join reporting.statement_documents as documents
    on
        versions.close_id = documents.close_id
        and versions.account_id = documents.account_id
        and versions.currency = documents.currency
-- With the limit the planner looks up a few rows, and does not join all released statements.
left join lateral (
    select
        released_statements.close_id,
        released_statements.is_superseded,
        released_statements.released_by,
        released_statements.released_at,
        released_statements.manifest_sha256,
        released_statements.manifest_object_name
    from reporting.released_statements
    where
        released_statements.close_id = versions.close_id
        and released_statements.account_id = versions.account_id
        and released_statements.currency = versions.currency
    order by released_statements.close_id
    limit 1
) as released on true
where versions.issued_close_id = versions.close_id;

-- The documents and their attachments as a ZIP needs them: one row a document, with its account's
-- number and holder. The CRC-32 is null for a document from before it was kept.
create view reporting.statement_files as
select
    documents.close_id,
    documents.account_id,
    documents.currency,
    statements.account_number,
    statements.holder_name,
    documents.sha256,
    documents.byte_count,
    documents.object_name,
    documents.crc32,
    coalesce(
        (
            select
                jsonb_object_agg(
                    twins.media_type,
                    jsonb_build_object(
                        'sha256', twins.sha256,
                        'byte_count', twins.byte_count,
                        'object_name', twins.object_name,
                        'crc32', twins.crc32
                    )
                )
            from reporting.statement_twins as twins
            where
                twins.close_id = documents.close_id
                and twins.account_id = documents.account_id
                and twins.currency = documents.currency
        ),
        '{}'::jsonb
    ) as twins
from reporting.statement_documents as documents
inner join reporting.statements
    on
        documents.close_id = statements.close_id
        and documents.account_id = statements.account_id
        and documents.currency = statements.currency;

-- What a search compares of each statement: one row a statement, in the forms of the functions
-- reporting.name_forms and reporting.folded.
create view reporting.statement_names as
select
    close_id,
    account_id,
    currency,
    holder_search,
    account_search,
    closing_minor,
    left(account_search, 64) collate "C" as account_order,
    left(holder_search, 64) collate "C" as holder_order,
    -close_id as newest_order
from reporting.statements;

-- noqa: disable=RF01
-- Whether a person may see a statement, in the state that is wanted; null is any state.
create function reporting.is_shown(
    close_id bigint,
    account_id reporting.account_key,
    currency text,
    wanted_state text,
    may_review boolean
)
returns boolean
language sql stable set search_path = pg_catalog, pg_temp
begin atomic
    select exists(
        select 1
        from reporting.issued_statements as statements
        where
            statements.close_id = is_shown.close_id
            and statements.account_id = is_shown.account_id
            and statements.currency = is_shown.currency
            -- guard: desk.released-only-in-list
            and (is_shown.may_review or statements.statement_state in ('released', 'superseded'))
            and (
                is_shown.wanted_state is null or statements.statement_state = is_shown.wanted_state
            )
    );
end;

-- The statements that fit a search: one row a statement. Those of a released month are released,
-- but for those that a later close issued again, and for accounts that a release left out: each of
-- these is looked up. A criterion that is null fits all. PostgreSQL puts the function's text in
-- place of its name, and plans it with the rest.
create function reporting.matching_statements(
    close_ids bigint[],
    correction_ids bigint[],
    unreleased_ids bigint[],
    superseded_ids bigint[],
    exception_close_ids bigint[],
    exception_account_ids reporting.account_key[],
    wanted_currency text,
    wanted_state text,
    may_review boolean,
    account_patterns text[],
    holder_patterns text[]
)
returns setof reporting.statement_names
language sql stable
begin atomic
    select
        names.close_id,
        names.account_id,
        names.currency,
        names.holder_search,
        names.account_search,
        names.closing_minor,
        names.account_order,
        names.holder_order,
        names.newest_order
    from reporting.statement_names as names -- noqa: RF04
    where
        names.close_id = any(matching_statements.close_ids)
        and (
            matching_statements.wanted_currency is null
            or names.currency = matching_statements.wanted_currency
        )
        and (
            matching_statements.account_patterns is null
            or names.account_search like any(matching_statements.account_patterns)
        )
        -- The words of a name: the first ones one by one, so that an index finds them.
        and (
            matching_statements.holder_patterns[1] is null
            or names.holder_search like matching_statements.holder_patterns[1]
        )
        and (
            matching_statements.holder_patterns[2] is null
            or names.holder_search like matching_statements.holder_patterns[2]
        )
        and (
            matching_statements.holder_patterns[3] is null
            or names.holder_search like matching_statements.holder_patterns[3]
        )
        and (
            matching_statements.holder_patterns[4] is null
            or names.holder_search like all(matching_statements.holder_patterns)
        )
        -- A correction issues few of its statements.
        and (
            names.close_id <> all(matching_statements.correction_ids)
            or (names.close_id, names.account_id, names.currency) in (
                select
                    versions.close_id,
                    versions.account_id,
                    versions.currency
                from reporting.statement_versions as versions
                where
                    versions.close_id = any(matching_statements.correction_ids)
                    and versions.issued_close_id = versions.close_id
            )
        )
        and (
            (matching_statements.may_review and matching_statements.wanted_state is null)
            or case
                -- With the limit PostgreSQL looks up each document, and reads no table as a whole.
                when names.close_id = any(matching_statements.unreleased_ids)
                    then
                        (matching_statements.wanted_state = 'issued')
                        = coalesce(
                            (
                                select true
                                from reporting.statement_documents as documents
                                where
                                    documents.close_id = names.close_id
                                    and documents.account_id = names.account_id
                                    and documents.currency = names.currency
                                limit 1 -- noqa: AM09
                            ),
                            false
                        )
                when
                    (names.close_id, names.account_id) in (
                        select
                            later.superseded_close_id,
                            later.account_id
                        from reporting.statement_versions as later
                        where later.superseded_close_id = any(matching_statements.superseded_ids)
                        union all
                        select
                            given.close_id,
                            given.account_id
                        from
                            unnest(
                                matching_statements.exception_close_ids,
                                matching_statements.exception_account_ids
                            ) as given (close_id, account_id)
                    )
                    then
                        reporting.is_shown(
                            names.close_id,
                            names.account_id,
                            names.currency,
                            matching_statements.wanted_state,
                            matching_statements.may_review
                        )
                else coalesce(matching_statements.wanted_state, 'released') = 'released'
            end
        );
end;
-- noqa: enable=RF01

-- The statements of a close that have a line of this amount in one of these currencies, at most so
-- many; only those that the close issued, where that is asked. Accounts are null for all. Lines
-- with the amount are read one after the other until there are enough statements. Those of one
-- statement stand side by side in the table.
create function reporting.statements_with_line(
    wanted_close_id bigint,
    wanted_minor bigint,
    wanted_currencies text[],
    accounts reporting.account_key[],
    issued_only boolean,
    most integer
)
returns table (account_id reporting.account_key, currency text)
language plpgsql stable set search_path = pg_catalog, pg_temp
-- One plan for all months and amounts, which reads no more entries of the index than are needed.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_bitmapscan = off
as $$
declare
    line record;
    statement_name text;
    found_names text[] := '{}';
begin
    for line in
        select
            entries.account_id,
            entries.currency
        from reporting.statement_lines as entries
        where
            entries.close_id = wanted_close_id
            and entries.amount_minor = wanted_minor
            and entries.currency = any(wanted_currencies)
            and (accounts is null or entries.account_id = any(accounts))
            and (
                not issued_only
                or (entries.account_id, entries.currency) in (
                    select
                        versions.account_id,
                        versions.currency
                    from reporting.statement_versions as versions
                    where
                        versions.close_id = wanted_close_id
                        and versions.issued_close_id = versions.close_id
                )
            )
    loop
        continue when line.account_id = account_id and line.currency = currency;
        -- Lines that took the room of removed ones may stand apart from those before them.
        statement_name := line.account_id::text || ' ' || line.currency;
        -- guard: desk.statement-with-an-amount-once
        continue when statement_name = any(found_names);
        found_names := found_names || statement_name;
        account_id := line.account_id;
        currency := line.currency;
        return next;
        exit when cardinality(found_names) = most;
    end loop;
end;
$$;

-- The issued statements that have one of these amounts, as a balance or on a line, or the line of
-- this entry; of one month or all, of released months only, where that is asked: at most so many,
-- the newest closes first. An amount has its currency at the same place of the other array. A month
-- by its start and accounts are null for all. The desk reads no line. What is read does not grow
-- with the statements that have an amount.
create function reporting.statements_quoting(
    amounts bigint[],
    amount_currencies text[],
    quoted_entry reporting.entry_key,
    month_start timestamptz,
    accounts reporting.account_key[],
    released_only boolean,
    most integer
)
returns table (close_id bigint, account_id reporting.account_key, currency text)
language sql stable security definer set search_path = pg_catalog, pg_temp
set enable_sort = off
begin atomic
    with asked as (
        select
            quoted_entry as entry_id,
            month_start as starts_at,
            accounts as account_ids,
            released_only as is_released_only
    ),

    wanted as (
        select
            given.amount_minor,
            array_agg(given.currency) as currencies
        from unnest(amounts, amount_currencies) as given (amount_minor, currency)
        group by given.amount_minor
    ),

    months as (
        select
            closes.close_id,
            closes.close_version > 1 as is_correction
        from reporting.closes
        cross join asked
        where
            closes.grain = 'month'
            and (asked.starts_at is null or closes.period_start = asked.starts_at)
            and (
                not asked.is_released_only
                or exists (
                    select 1
                    from reporting.closes as later
                    inner join reporting.statement_manifests as manifests
                        on later.close_id = manifests.close_id
                    inner join reporting.statement_decisions as decisions
                        on manifests.manifest_id = decisions.manifest_id
                    where
                        later.grain = closes.grain
                        and later.period_start = closes.period_start
                        and later.close_id >= closes.close_id
                        and decisions.decision = 'released'
                )
            )
    ),

    newest as (
        select
            months.close_id,
            months.is_correction
        from months
        order by months.close_id desc
    ),

    -- What corrections issue. The first close of a month issues all of its statements. Each is
    -- looked up in a hash of these rows: a correction may have many statements with an amount of
    -- which it issues few.
    issued as (
        select
            versions.close_id,
            versions.account_id,
            versions.currency
        from months
        inner join reporting.statement_versions as versions on months.close_id = versions.close_id
        where months.is_correction and versions.issued_close_id = versions.close_id
    ),

    -- Few statements of each close, by its place in the index of amounts: what is read grows with
    -- the months, and not with the statements that have the amount. The pairs are compared as
    -- ranges, and in this order, so that the planner takes that index and no other.
    quoting as (
        (
            select
                found.close_id,
                found.account_id,
                found.currency
            from newest
            cross join wanted
            cross join
                lateral (
                    select
                        statements.close_id,
                        statements.account_id,
                        statements.currency
                    from reporting.statements
                    cross join asked
                    where
                        (statements.closing_minor, statements.close_id)
                        >= (wanted.amount_minor, newest.close_id)
                        and (statements.closing_minor, statements.close_id)
                        <= (wanted.amount_minor, newest.close_id)
                        and statements.currency = any(wanted.currencies)
                        and (
                            not newest.is_correction
                            or (statements.close_id, statements.account_id, statements.currency)
                            in (
                                select
                                    issued.close_id,
                                    issued.account_id,
                                    issued.currency
                                from issued
                            )
                        )
                        and (
                            asked.account_ids is null
                            or statements.account_id = any(asked.account_ids)
                        )
                    order by statements.closing_minor desc, statements.close_id desc
                    limit most
                ) as found
            order by newest.close_id desc
            limit most
        )
        union
        (
            select
                found.close_id,
                found.account_id,
                found.currency
            from newest
            cross join wanted
            cross join
                lateral (
                    select
                        statements.close_id,
                        statements.account_id,
                        statements.currency
                    from reporting.statements
                    cross join asked
                    where
                        (statements.opening_minor, statements.close_id)
                        >= (wanted.amount_minor, newest.close_id)
                        and (statements.opening_minor, statements.close_id)
                        <= (wanted.amount_minor, newest.close_id)
                        and statements.currency = any(wanted.currencies)
                        and (
                            not newest.is_correction
                            or (statements.close_id, statements.account_id, statements.currency)
                            in (
                                select
                                    issued.close_id,
                                    issued.account_id,
                                    issued.currency
                                from issued
                            )
                        )
                        and (
                            asked.account_ids is null
                            or statements.account_id = any(asked.account_ids)
                        )
                    order by statements.opening_minor desc, statements.close_id desc
                    limit most
                ) as found
            order by newest.close_id desc
            limit most
        )
        union
        (
            select
                newest.close_id,
                found.account_id,
                found.currency
            from newest
            cross join wanted
            cross join asked
            cross join
                lateral reporting.statements_with_line(
                    newest.close_id,
                    wanted.amount_minor,
                    wanted.currencies,
                    asked.account_ids,
                    newest.is_correction,
                    most -- noqa: RF02
                ) as found
            order by newest.close_id desc
            limit most
        )
        union
        select
            entries.close_id,
            entries.account_id,
            entries.currency
        from asked
        cross join months
        inner join reporting.statement_lines as entries on months.close_id = entries.close_id
        where
            entries.entry_id = asked.entry_id
            and (
                asked.account_ids is null
                or entries.account_id = any(asked.account_ids)
            )
    )

    select
        quoting.close_id,
        quoting.account_id,
        quoting.currency
    from quoting
    order by quoting.close_id desc, quoting.account_id asc, quoting.currency asc
    limit most;
end;

-- The statements of a close by currency, in sums: one row a close and currency. Those that the
-- close issued are counted apart, as are those whose document had characters replaced.
create view reporting.statement_totals as
select
    statements.close_id,
    statements.currency,
    count(*) as statement_count,
    count(*) filter (where versions.issued_close_id = versions.close_id) as issued_count,
    sum(statements.line_count)::bigint as line_count,
    sum(statements.opening_minor) as opening_minor,
    sum(statements.closing_minor) as closing_minor,
    count(*) filter (where documents.replaced_count > 0) as replaced_count
from reporting.statements
left join reporting.statement_versions as versions
    on
        statements.close_id = versions.close_id
        and statements.account_id = versions.account_id
        and statements.currency = versions.currency
left join reporting.statement_documents as documents
    on
        versions.issued_close_id = documents.close_id
        and versions.account_id = documents.account_id
        and versions.currency = documents.currency
group by statements.close_id, statements.currency;

-- What the current closes have left out, without amounts: one row a close, measure, subject and
-- currency.
create view reporting.current_exceptions as
select
    closes.close_id,
    closes.grain,
    closes.period_start,
    exceptions.measure,
    exceptions.subject_kind,
    exceptions.subject,
    exceptions.currency,
    exceptions.reason,
    exceptions.row_count
from reporting.close_exceptions as exceptions
inner join reporting.closes on exceptions.close_id = closes.close_id
where closes.is_current;

-- The statements of the current closes whose document could not be made, with the last error: one
-- row a statement.
create view reporting.documents_not_made as
select distinct on (failures.close_id, failures.account_id, failures.currency)
    closes.grain,
    failures.close_id,
    failures.account_id,
    failures.reason,
    failures.currency
from reporting.document_failures as failures
inner join reporting.statement_versions as versions
    on
        failures.close_id = versions.issued_close_id
        and failures.account_id = versions.account_id
        and failures.currency = versions.currency
inner join reporting.closes on versions.close_id = closes.close_id and closes.is_current
left join reporting.statement_documents as documents
    on
        failures.close_id = documents.close_id
        and failures.account_id = documents.account_id
        and failures.currency = documents.currency
where documents.close_id is null
order by
    failures.close_id asc,
    failures.account_id asc,
    failures.currency asc,
    failures.failure_id desc;

-- The checks that were made, without the rows that did not tie out: one row a check.
create view reporting.check_results as
select
    tie_outs.tie_out_id,
    tie_outs.close_id,
    tie_outs.grain,
    tie_outs.period_start,
    tie_outs.check_name,
    tie_outs.offending_count,
    tie_outs.checked_at,
    tie_outs.close_id is null or coalesce(closes.is_current, false) as counts
from reporting.tie_outs
left join reporting.closes on tie_outs.close_id = closes.close_id;

-- The language of each statement: one row a statement.
create view reporting.statement_locales as
select
    close_id,
    account_id,
    locale_code,
    currency
from reporting.statements;

-- What differs between two versions of a month's statements: one row an account and
-- currency, old beside new.
-- A changed holder or account number is a difference, though it is no column here; a changed
-- address is not. This alone decides it: differs.sql of the table has the same columns, and a test
-- compares them. PostgreSQL puts the function's query in place of its call, so it has no settings
-- of its own.
create function reporting.statement_differences(old_close_id bigint, new_close_id bigint)
returns table (
    account_id reporting.account_key,
    currency text,
    old_opening_minor bigint,
    new_opening_minor bigint,
    old_closing_minor bigint,
    new_closing_minor bigint,
    old_line_count bigint,
    new_line_count bigint
)
language sql stable
begin atomic
    with old_rows as (
        select
            account_id,
            currency,
            opening_minor,
            closing_minor,
            line_count,
            account_number,
            holder_name
        from reporting.statements
        where close_id = old_close_id
    ),

    new_rows as (
        select
            account_id,
            currency,
            opening_minor,
            closing_minor,
            line_count,
            account_number,
            holder_name
        from reporting.statements
        where close_id = new_close_id
    )

    select
        account_id,
        currency,
        old_rows.opening_minor as old_opening_minor,
        new_rows.opening_minor as new_opening_minor,
        old_rows.closing_minor as old_closing_minor,
        new_rows.closing_minor as new_closing_minor,
        old_rows.line_count as old_line_count,
        new_rows.line_count as new_line_count
    from old_rows
    full join new_rows using (account_id, currency)
    where
        (
            old_rows.opening_minor,
            old_rows.closing_minor,
            old_rows.line_count,
            old_rows.account_number,
            old_rows.holder_name
        )
        is distinct from
        (
            new_rows.opening_minor,
            new_rows.closing_minor,
            new_rows.line_count,
            new_rows.account_number,
            new_rows.holder_name
        );
end;

-- What differs between two versions of a month's lines: one row an entry, old beside new. This
-- alone decides it: differs.sql of the table has the same columns, and a test compares them.
create function reporting.statement_line_differences(old_close_id bigint, new_close_id bigint)
returns table (
    entry_id reporting.entry_key,
    old_account_id reporting.account_key,
    new_account_id reporting.account_key,
    old_currency text,
    new_currency text,
    old_line_number bigint,
    new_line_number bigint,
    old_transaction_id reporting.transaction_key,
    new_transaction_id reporting.transaction_key,
    old_posted_at timestamptz,
    new_posted_at timestamptz,
    old_kind text,
    new_kind text,
    old_description text,
    new_description text,
    old_counterparty text,
    new_counterparty text,
    old_amount_minor bigint,
    new_amount_minor bigint,
    old_balance_minor bigint,
    new_balance_minor bigint
)
language sql stable
begin atomic
    with old_rows as (
        select
            entry_id,
            account_id,
            currency,
            line_number,
            transaction_id,
            posted_at,
            kind,
            description,
            counterparty,
            amount_minor,
            balance_minor
        from reporting.statement_lines
        where close_id = old_close_id
    ),

    new_rows as (
        select
            entry_id,
            account_id,
            currency,
            line_number,
            transaction_id,
            posted_at,
            kind,
            description,
            counterparty,
            amount_minor,
            balance_minor
        from reporting.statement_lines
        where close_id = new_close_id
    )

    select
        entry_id,
        old_rows.account_id as old_account_id,
        new_rows.account_id as new_account_id,
        old_rows.currency as old_currency,
        new_rows.currency as new_currency,
        old_rows.line_number as old_line_number,
        new_rows.line_number as new_line_number,
        old_rows.transaction_id as old_transaction_id,
        new_rows.transaction_id as new_transaction_id,
        old_rows.posted_at as old_posted_at,
        new_rows.posted_at as new_posted_at,
        old_rows.kind as old_kind,
        new_rows.kind as new_kind,
        old_rows.description as old_description,
        new_rows.description as new_description,
        old_rows.counterparty as old_counterparty,
        new_rows.counterparty as new_counterparty,
        old_rows.amount_minor as old_amount_minor,
        new_rows.amount_minor as new_amount_minor,
        old_rows.balance_minor as old_balance_minor,
        new_rows.balance_minor as new_balance_minor
    from old_rows
    full join new_rows using (entry_id)
    where
        (
            old_rows.account_id,
            old_rows.currency,
            old_rows.line_number,
            old_rows.transaction_id,
            old_rows.posted_at,
            old_rows.kind,
            old_rows.description,
            old_rows.counterparty,
            old_rows.amount_minor,
            old_rows.balance_minor
        )
        is distinct from
        (
            new_rows.account_id,
            new_rows.currency,
            new_rows.line_number,
            new_rows.transaction_id,
            new_rows.posted_at,
            new_rows.kind,
            new_rows.description,
            new_rows.counterparty,
            new_rows.amount_minor,
            new_rows.balance_minor
        );
end;

-- What differs between two versions of a month in the optional columns of its lines: one row a
-- line, old beside new. This alone decides it: differs.sql of the table has the same columns, and a
-- test compares them.
create function reporting.statement_line_detail_differences(
    old_close_id bigint, new_close_id bigint
)
returns table (
    account_id reporting.account_key,
    currency text,
    line_number bigint,
    old_value_date date,
    new_value_date date,
    old_original_amount_minor bigint,
    new_original_amount_minor bigint,
    old_original_currency text,
    new_original_currency text,
    old_exchange_rate numeric,
    new_exchange_rate numeric,
    old_counterparty_account text,
    new_counterparty_account text,
    old_customer_reference text,
    new_customer_reference text,
    old_interest_rate numeric,
    new_interest_rate numeric
)
language sql stable
begin atomic
    with old_rows as (
        select
            account_id,
            currency,
            line_number,
            value_date,
            original_amount_minor,
            original_currency,
            exchange_rate,
            counterparty_account,
            customer_reference,
            interest_rate
        from reporting.statement_line_details
        where close_id = old_close_id
    ),

    new_rows as (
        select
            account_id,
            currency,
            line_number,
            value_date,
            original_amount_minor,
            original_currency,
            exchange_rate,
            counterparty_account,
            customer_reference,
            interest_rate
        from reporting.statement_line_details
        where close_id = new_close_id
    )

    select
        account_id,
        currency,
        line_number,
        old_rows.value_date as old_value_date,
        new_rows.value_date as new_value_date,
        old_rows.original_amount_minor as old_original_amount_minor,
        new_rows.original_amount_minor as new_original_amount_minor,
        old_rows.original_currency as old_original_currency,
        new_rows.original_currency as new_original_currency,
        old_rows.exchange_rate as old_exchange_rate,
        new_rows.exchange_rate as new_exchange_rate,
        old_rows.counterparty_account as old_counterparty_account,
        new_rows.counterparty_account as new_counterparty_account,
        old_rows.customer_reference as old_customer_reference,
        new_rows.customer_reference as new_customer_reference,
        old_rows.interest_rate as old_interest_rate,
        new_rows.interest_rate as new_interest_rate
    from old_rows
    full join new_rows using (account_id, currency, line_number)
    where
        (
            old_rows.value_date,
            old_rows.original_amount_minor,
            old_rows.original_currency,
            old_rows.exchange_rate,
            old_rows.counterparty_account,
            old_rows.customer_reference,
            old_rows.interest_rate
        )
        is distinct from
        (
            new_rows.value_date,
            new_rows.original_amount_minor,
            new_rows.original_currency,
            new_rows.exchange_rate,
            new_rows.counterparty_account,
            new_rows.customer_reference,
            new_rows.interest_rate
        );
end;

-- The release that a close of a month follows: the last one of an earlier close of its month. One
-- row, or none.
create function reporting.release_before(shown_close_id bigint)
returns table (
    close_id bigint,
    manifest_id bigint,
    close_version integer,
    decided_by text,
    decided_at timestamptz
)
language sql stable
begin atomic
    with shown as (
        select
            grain,
            period_start,
            close_version
        from reporting.closes
        where close_id = shown_close_id and grain = 'month'
    )

    select
        earlier.close_id,
        manifests.manifest_id,
        earlier.close_version,
        decisions.decided_by,
        decisions.decided_at
    from shown
    inner join reporting.closes as earlier
        on
            shown.grain = earlier.grain
            and shown.period_start = earlier.period_start
            and shown.close_version > earlier.close_version
    inner join reporting.statement_manifests as manifests on earlier.close_id = manifests.close_id
    inner join reporting.statement_decisions as decisions
        on manifests.manifest_id = decisions.manifest_id
    where decisions.decision = 'released'
    order by earlier.close_version desc, decisions.decision_id desc
    limit 1;
end;

-- The statements in which a close of a month differs from the release that it follows: one row an
-- account and currency, with the closes that issued the released version and the one that is shown.
-- The old columns are null for a statement that this release did not have, or left out as an
-- exception; the new ones for a statement that is gone. No row without an earlier release.
create function reporting.corrected_statements(shown_close_id bigint)
returns table (
    account_id reporting.account_key,
    currency text,
    released_close_id bigint,
    old_close_id bigint,
    new_close_id bigint,
    old_version integer,
    new_version integer
)
language sql stable
begin atomic
    with release as (
        select
            close_id,
            manifest_id
        from reporting.release_before(shown_close_id)
    ),

    left_out as (
        select
            exceptions.subject,
            exceptions.currency
        from reporting.manifest_exceptions as exceptions
        inner join release on exceptions.manifest_id = release.manifest_id
    ),

    released as (
        select
            versions.account_id,
            versions.currency,
            versions.statement_version,
            versions.issued_close_id
        from reporting.statement_versions as versions
        inner join release on versions.close_id = release.close_id
        where
            not exists (
                select 1
                from left_out
                where
                    left_out.subject = versions.account_id::text
                    and left_out.currency in ('', versions.currency)
            )
    ),

    shown as (
        select
            account_id,
            currency,
            statement_version,
            issued_close_id
        from reporting.statement_versions
        where close_id = shown_close_id
    )

    select
        account_id,
        currency,
        release.close_id as released_close_id,
        released.issued_close_id as old_close_id,
        shown.issued_close_id as new_close_id,
        released.statement_version as old_version,
        shown.statement_version as new_version
    from shown
    full join released using (account_id, currency)
    cross join release
    where shown.issued_close_id is distinct from released.issued_close_id;
end;

-- The lines in which the named statements of a close differ from the release that it follows: one
-- row an entry, old beside new, the first ones of each statement by time, and how many lines of the
-- statement there are in all. A line that only got another number or balance, because of the lines
-- before it, is none. It runs as its owner, so that the desk can read these lines and no others.
create function reporting.corrected_lines(
    shown_close_id bigint, account_ids reporting.account_key[], currencies text[], most integer
)
returns table (
    account_id reporting.account_key,
    currency text,
    entry_id reporting.entry_key,
    line_change text,
    old_posted_at timestamptz,
    new_posted_at timestamptz,
    old_kind text,
    new_kind text,
    old_transaction_id reporting.transaction_key,
    new_transaction_id reporting.transaction_key,
    old_description text,
    new_description text,
    old_counterparty text,
    new_counterparty text,
    old_details jsonb,
    new_details jsonb,
    old_amount_minor bigint,
    new_amount_minor bigint,
    added_count bigint,
    gone_count bigint,
    changed_count bigint
)
language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
    with named as (
        select
            account_id,
            currency
        from unnest(account_ids, currencies) as listed (account_id, currency)
    ),

    corrected as (
        select
            shown_close_id as this_close_id,
            released_close_id,
            account_id,
            currency
        from reporting.corrected_statements(shown_close_id)
        -- Both, or all lines of a statement would be shown.
        -- guard: desk.lines-of-corrections-only
        where old_close_id is not null and new_close_id is not null
    ),

    asked as (
        select
            corrected.this_close_id,
            corrected.released_close_id,
            corrected.account_id,
            corrected.currency
        from corrected
        inner join named
            on corrected.account_id = named.account_id and corrected.currency = named.currency
    ),

    old_lines as (
        select
            entries.account_id,
            entries.currency,
            entries.entry_id,
            entries.transaction_id,
            entries.posted_at,
            entries.kind,
            entries.description,
            entries.counterparty,
            entries.amount_minor,
            jsonb_strip_nulls(
                jsonb_build_object(
                    'value_date', details.value_date,
                    'original_amount_minor', details.original_amount_minor,
                    'original_currency', details.original_currency,
                    'exchange_rate', trim_scale(details.exchange_rate)::text,
                    'counterparty_account', details.counterparty_account,
                    'customer_reference', details.customer_reference,
                    'interest_rate', trim_scale(details.interest_rate)::text
                )
            ) as details
        from asked
        inner join reporting.statement_lines as entries
            on
                asked.released_close_id = entries.close_id
                and asked.account_id = entries.account_id
                and asked.currency = entries.currency
        left join reporting.statement_line_details as details
            on
                entries.close_id = details.close_id
                and entries.account_id = details.account_id
                and entries.currency = details.currency
                and entries.line_number = details.line_number
    ),

    new_lines as (
        select
            entries.account_id,
            entries.currency,
            entries.entry_id,
            entries.transaction_id,
            entries.posted_at,
            entries.kind,
            entries.description,
            entries.counterparty,
            entries.amount_minor,
            jsonb_strip_nulls(
                jsonb_build_object(
                    'value_date', details.value_date,
                    'original_amount_minor', details.original_amount_minor,
                    'original_currency', details.original_currency,
                    'exchange_rate', trim_scale(details.exchange_rate)::text,
                    'counterparty_account', details.counterparty_account,
                    'customer_reference', details.customer_reference,
                    'interest_rate', trim_scale(details.interest_rate)::text
                )
            ) as details
        from asked
        inner join reporting.statement_lines as entries
            on
                asked.this_close_id = entries.close_id
                and asked.account_id = entries.account_id
                and asked.currency = entries.currency
        left join reporting.statement_line_details as details
            on
                entries.close_id = details.close_id
                and entries.account_id = details.account_id
                and entries.currency = details.currency
                and entries.line_number = details.line_number
    ),

    differing as (
        select
            account_id,
            currency,
            entry_id,
            old_lines.posted_at as old_posted_at,
            new_lines.posted_at as new_posted_at,
            old_lines.kind as old_kind,
            new_lines.kind as new_kind,
            old_lines.transaction_id as old_transaction_id,
            new_lines.transaction_id as new_transaction_id,
            old_lines.description as old_description,
            new_lines.description as new_description,
            old_lines.counterparty as old_counterparty,
            new_lines.counterparty as new_counterparty,
            old_lines.details as old_details,
            new_lines.details as new_details,
            old_lines.amount_minor as old_amount_minor,
            new_lines.amount_minor as new_amount_minor,
            case
                when old_lines.posted_at is null then 'added'
                when new_lines.posted_at is null then 'gone'
                else 'changed'
            end as line_change
        from old_lines
        full join new_lines using (account_id, currency, entry_id)
        where
            (
                old_lines.transaction_id,
                old_lines.posted_at,
                old_lines.kind,
                old_lines.description,
                old_lines.counterparty,
                old_lines.amount_minor,
                old_lines.details
            )
            is distinct from
            (
                new_lines.transaction_id,
                new_lines.posted_at,
                new_lines.kind,
                new_lines.description,
                new_lines.counterparty,
                new_lines.amount_minor,
                new_lines.details
            )
    ),

    numbered as (
        select
            account_id,
            currency,
            entry_id,
            line_change,
            old_posted_at,
            new_posted_at,
            old_kind,
            new_kind,
            old_transaction_id,
            new_transaction_id,
            old_description,
            new_description,
            old_counterparty,
            new_counterparty,
            old_details,
            new_details,
            old_amount_minor,
            new_amount_minor,
            row_number() over (
                partition by account_id, currency
                order by coalesce(new_posted_at, old_posted_at) asc, entry_id asc
            ) as place,
            count(*) filter (where line_change = 'added') over of_statement as added_count,
            count(*) filter (where line_change = 'gone') over of_statement as gone_count,
            count(*) filter (where line_change = 'changed') over of_statement as changed_count
        from differing
        window of_statement as (partition by account_id, currency)
    )

    select
        account_id,
        currency,
        entry_id,
        line_change,
        old_posted_at,
        new_posted_at,
        old_kind,
        new_kind,
        old_transaction_id,
        new_transaction_id,
        old_description,
        new_description,
        old_counterparty,
        new_counterparty,
        old_details,
        new_details,
        old_amount_minor,
        new_amount_minor,
        added_count,
        gone_count,
        changed_count
    from numbered
    where place <= most
    order by account_id asc, currency asc, place asc;
end;

-- What is written stays: the store may add, and of a close only say which version is current
-- and that it was confirmed. The desk reads what its pages show, and adds what a person asked for
-- and its log; a decision it writes by a function. Nobody but the owner deletes.
grant usage on schema reporting to closebook_store, closebook_desk;
grant select on all tables in schema reporting to closebook_store;
revoke all on reporting.decision_key from closebook_store;
grant select on
reporting.closes,
reporting.statement_versions,
reporting.statement_documents,
reporting.statement_twins,
reporting.statement_manifests,
reporting.manifest_exceptions,
reporting.statement_decisions,
reporting.reissue_requests,
reporting.reissue_answers,
reporting.named_people,
reporting.counter_publications,
reporting.health_samples,
reporting.health_connections,
reporting.health_plans,
reporting.health_alerts,
reporting.current_hourly_volume,
reporting.current_daily_volume,
reporting.corrections,
reporting.late_rows,
reporting.health_intervals,
reporting.issued_statements,
reporting.statement_totals,
reporting.statement_locales,
reporting.check_results,
reporting.current_exceptions,
reporting.documents_not_made,
reporting.statement_names,
reporting.zip_plans,
reporting.statement_files,
reporting.day_versions,
reporting.close_totals,
reporting.close_readings,
reporting.platform_histories,
reporting.desk_log,
reporting.held_accounts
to closebook_desk;
grant insert on
reporting.run_starts,
reporting.closes,
reporting.close_totals,
reporting.close_exceptions,
reporting.tie_outs,
reporting.hourly_volume,
reporting.daily_volume,
reporting.daily_account_movement,
reporting.statements,
reporting.statement_lines,
reporting.statement_line_details,
reporting.statement_versions,
reporting.statement_numbers,
reporting.renderers,
reporting.statement_documents,
reporting.statement_twins,
reporting.document_failures,
reporting.statement_manifests,
reporting.manifest_exceptions,
reporting.manifest_parts,
reporting.zip_plans,
reporting.counter_publications,
reporting.platform_histories,
reporting.lost_logs,
reporting.close_readings,
reporting.health_samples,
reporting.health_connections,
reporting.health_statements,
reporting.health_plans,
reporting.health_alerts,
reporting.notifications,
reporting.statement_event_batches,
reporting.line_archives
to closebook_store;
grant update (is_current, confirmed_at, confirmation_count)
on reporting.closes to closebook_store;
grant update (conf_sha256) on reporting.run_starts to closebook_store;
grant update (claimed_at, outcome) on reporting.notifications to closebook_store;
revoke all on function
reporting.chain_desk_log(),
reporting.involved_runs(bigint),
reporting.decision_obstacles(bigint, text, text, text, jsonb),
reporting.exception_obstacles(bigint, text, text[]),
reporting.refuse_decision_with_obstacles(),
reporting.refuse_unnamed_exceptions(),
reporting.write_statement_events(),
reporting.currency_label(text),
reporting.key_label(text),
reporting.refuse_unknown_close(),
reporting.keep_closes(),
reporting.refuse_days_without_closes(),
reporting.refuse_lines_without_statement(),
reporting.keep_statements_of_lines(),
reporting.refuse_lines_of_no_statements(),
reporting.statement_differences(bigint, bigint),
reporting.statement_line_differences(bigint, bigint),
reporting.statement_line_detail_differences(bigint, bigint),
reporting.release_before(bigint),
reporting.corrected_statements(bigint),
reporting.corrected_lines(bigint, reporting.account_key[], text[], integer)
from public;
grant execute on function
reporting.involved_runs(bigint),
reporting.decision_obstacles(bigint, text, text, text, jsonb)
to closebook_store, closebook_desk;
grant execute on function reporting.exception_obstacles(bigint, text, text[])
to closebook_store, closebook_desk;
grant execute on function
reporting.currency_label(text),
reporting.key_label(text)
to closebook_store;
grant execute on function
reporting.statement_differences(bigint, bigint),
reporting.statement_line_differences(bigint, bigint),
reporting.statement_line_detail_differences(bigint, bigint)
to closebook_store;
revoke all on function reporting.purge_health() from public;
grant execute on function reporting.purge_health() to closebook_store;
revoke all on function
reporting.proven_claim(text, text, bytea),
reporting.record_decision(text, bytea),
reporting.record_reissue_request(text, bytea),
reporting.record_reissue_answer(text, bytea),
reporting.record_log_entry(text, bytea)
from public;
grant execute on function
reporting.record_decision(text, bytea),
reporting.record_reissue_request(text, bytea),
reporting.record_reissue_answer(text, bytea),
reporting.record_log_entry(text, bytea)
to closebook_desk;
revoke all on function
reporting.folded(text),
reporting.without_umlauts(text),
reporting.name_forms(text),
reporting.statements_quoting(
    bigint[], text[], reporting.entry_key, timestamptz, reporting.account_key[], boolean, integer
),
reporting.statements_with_line(
    bigint, bigint, text[], reporting.account_key[], boolean, integer
)
from public;
grant execute on function
reporting.folded(text),
reporting.without_umlauts(text)
to closebook_store, closebook_desk;
grant execute on function reporting.name_forms(text) to closebook_store;
grant execute on function reporting.statements_quoting(
    bigint[], text[], reporting.entry_key, timestamptz, reporting.account_key[], boolean, integer
) to closebook_desk;
grant execute on function
reporting.release_before(bigint),
reporting.corrected_statements(bigint),
reporting.corrected_lines(bigint, reporting.account_key[], text[], integer)
to closebook_desk;
revoke all on function
reporting.remove_archived_lines(bigint),
reporting.record_legal_hold(text, bytea)
from public;
grant execute on function reporting.remove_archived_lines(bigint) to closebook_store;
grant execute on function reporting.record_legal_hold(text, bytea) to closebook_desk;
revoke all on function
reporting.is_shown(bigint, reporting.account_key, text, text, boolean),
reporting.matching_statements(
    bigint[],
    bigint[],
    bigint[],
    bigint[],
    bigint[],
    reporting.account_key[],
    text,
    text,
    boolean,
    text[],
    text[]
) from public;
grant execute on function
reporting.is_shown(bigint, reporting.account_key, text, text, boolean),
reporting.matching_statements(
    bigint[],
    bigint[],
    bigint[],
    bigint[],
    bigint[],
    reporting.account_key[],
    text,
    text,
    boolean,
    text[],
    text[]
) to closebook_desk;
