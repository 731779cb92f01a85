"""Names, addresses and shops of the sample platform's people, region by region.

Sixteen regions in nine scripts, so that every page and statement of the demo and the tests
has to cope with them. All of it is made up; the towns are real.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Region:
    """Where a user or a merchant lives: how they are named, addressed and paid.

    `share` is this region's part of all users, in per cent. Patterns take {given}, {family},
    {number}, {street}, {city} and {trade}.
    """

    country: str
    locale_code: str
    currency: str
    share: int
    given: tuple[str, ...]
    family: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[str, ...]
    trades: tuple[str, ...]
    full_name: str = "{given} {family}"
    address: str = "{street} {number}\n{city}"
    shop: str = "{trade} {family}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split("·"))


REGIONS = (
    Region(
        country="US",
        locale_code="en_US",
        currency="USD",
        share=26,
        given=_words("James · Mary · Zoë · José · Aaliyah · Noah · Renée · Liam · Olivia · Mateo"),
        family=_words(
            "Smith · Johnson · O'Brien · García-López · Nguyễn · Washington · Peña · Lee"
        ),
        streets=_words("Main Street · Oak Avenue · 5th Avenue · Martin Luther King Jr. Boulevard"),
        cities=_words("Springfield, IL 62704 · Portland, OR 97201 · New Orleans, LA 70112"),
        trades=_words("Hardware · Coffee & Tea · Books <Used & New> · Outfitters · Drug Store"),
        address="{number} {street}\n{city}",
        shop="{family} {trade}",
    ),
    Region(
        country="GB",
        locale_code="en_GB",
        currency="GBP",
        share=14,
        given=_words("Oliver · Amelia · Siân · Callum · Niamh · Priya · George · Isla · Hamish"),
        family=_words("Taylor · Brontë · MacDonald · Featherstonehaugh · Patel · ap Rhys · Jones"),
        streets=_words("High Street · Station Road · Church Lane · Queen's Crescent"),
        cities=_words("London SW1A 1AA · Edinburgh EH1 1YZ · Caerdydd CF10 1EP · Leeds LS1 4DY"),
        trades=_words("& Sons Ironmongers · Tea Rooms · Booksellers · Chemists · Fish & Chips"),
        address="{number} {street}\n{city}",
        shop="{family} {trade}",
    ),
    Region(
        country="DE",
        locale_code="de_DE",
        currency="EUR",
        share=9,
        given=_words("Jürgen · Käthe · Björn · Anneliese · Sören · Heike · Maximilian · Zoé"),
        family=_words("Müller · Weiß · Schröder · Größe · von der Heydt · Yıldız · Köhler · Lange"),
        streets=_words("Königstraße · Am Mühlbach · Lindenallee · Straße des 17. Juni"),
        cities=_words("10115 Berlin · 80331 München · 50667 Köln · 04109 Leipzig"),
        trades=_words("Bäckerei · Buchhandlung · Elektro · Apotheke · Blumen"),
    ),
    Region(
        country="FR",
        locale_code="fr_FR",
        currency="EUR",
        share=8,
        given=_words("Hélène · François · Anaïs · Loïc · Noël · Chloé · Jean-Baptiste · Maëlys"),
        family=_words("Lefèvre · Bâtisse · d'Aubigné · Le Goff · Œuvrard · Çelik · Garçon"),
        streets=_words("rue de la Paix · boulevard Saint-Michel · impasse des Lilas"),
        cities=_words("75002 Paris · 69001 Lyon · 35000 Rennes · 13001 Marseille"),
        trades=_words("Boulangerie · Librairie · Fromagerie · Pharmacie · Café"),
        address="{number} {street}\n{city}",
    ),
    Region(
        country="ES",
        locale_code="es_ES",
        currency="EUR",
        share=4,
        given=_words("Íñigo · María José · Begoña · Ángel · Nerea · Joaquín"),
        family=_words("Muñoz Ibáñez · Núñez de Balboa · Güell · Ordóñez · Echeverría"),
        streets=_words("Calle de Alcalá · Paseo de la Castellana · Plaça de Catalunya"),
        cities=_words("28014 Madrid · 08002 Barcelona · 15001 A Coruña"),
        trades=_words("Panadería · Librería · Farmacia · Ferretería · Bodega"),
    ),
    Region(
        country="CZ",
        locale_code="cs_CZ",
        currency="EUR",
        share=4,
        given=_words("Jiří · Kateřina · Ondřej · Zdeňka · Tomáš · Růžena · Matěj · Šárka"),
        family=_words("Dvořák · Němcová · Žižka · Kučera · Šťastný · Příhoda · Vejvoda"),
        streets=_words("Vinohradská · Na Příkopě · Kounicova · Náměstí Míru"),
        cities=_words("120 00 Praha 2 · 602 00 Brno · 301 00 Plzeň"),
        trades=_words("Pekařství · Knihkupectví · Lékárna · Železářství · Květiny"),
    ),
    Region(
        country="PL",
        locale_code="pl_PL",
        currency="EUR",
        share=3,
        given=_words("Łukasz · Małgorzata · Wojciech · Agnieszka · Żaneta · Józef"),
        family=_words("Wiśniewski · Dąbrowska · Zieliński · Święch · Wójcik · Gołąb"),
        streets=_words("ul. Marszałkowska · ul. Święty Marcin · al. Jerozolimskie"),
        cities=_words("00-001 Warszawa · 30-001 Kraków · 90-001 Łódź"),
        trades=_words("Piekarnia · Księgarnia · Apteka · Żelazny · Kwiaciarnia"),
    ),
    Region(
        country="GR",
        locale_code="el_GR",
        currency="EUR",
        share=4,
        given=_words("Γιώργος · Ελένη · Δημήτρης · Αικατερίνη · Νίκος · Σοφία"),
        family=_words("Παπαδόπουλος · Οικονόμου · Ιωαννίδης · Καζαντζάκη · Αγγελόπουλος"),
        streets=_words("Ερμού · Πανεπιστημίου · Λεωφόρος Βασιλίσσης Σοφίας"),
        cities=_words("105 63 Αθήνα · 546 24 Θεσσαλονίκη · 713 07 Ηράκλειο"),
        trades=_words("Αρτοποιείο · Βιβλιοπωλείο · Φαρμακείο · Ταβέρνα · Καφενείο"),
    ),
    Region(
        country="BG",
        locale_code="bg_BG",
        currency="EUR",
        share=3,
        given=_words("Георги · Мария · Димитър · Радостина · Щилян · Йорданка"),
        family=_words("Иванов · Петрова · Христов · Стоянова · Жечев · Ангелов"),
        streets=_words("бул. Витоша · ул. Шипка · ул. Граф Игнатиев"),
        cities=_words("1000 София · 4000 Пловдив · 9000 Варна"),
        trades=_words("Хлебарница · Книжарница · Аптека · Железария · Цветарница"),
    ),
    Region(
        country="UA",
        locale_code="uk_UA",
        currency="EUR",
        share=3,
        given=_words("Олександр · Їжакевич Ганна · Володимир · Соломія · Євген · Ґалаґан"),
        family=_words("Шевченко · Коваленко · Бойчук · Щербак · Українка · Юрʼєв"),
        streets=_words("вул. Хрещатик · просп. Свободи · вул. Дерибасівська"),
        cities=_words("01001 Київ · 79000 Львів · 65000 Одеса"),
        trades=_words("Пекарня · Книгарня · Аптека · Кавʼярня · Квіти"),
    ),
    Region(
        country="KW",
        locale_code="ar_KW",
        currency="KWD",
        share=5,
        given=_words("محمد · فاطمة · عبد الله · نورة · خالد · مريم · يوسف · شيخة"),
        family=_words("الصباح · العنزي · المطيري · الرشيدي · العجمي · بن عيسى"),
        streets=_words("شارع الخليج العربي · شارع سالم المبارك · شارع فهد السالم"),
        cities=_words("مدينة الكويت 13001 · السالمية 20001 · حولي 32001"),
        trades=_words("مخبز · مكتبة · صيدلية · مقهى · مطعم"),
    ),
    Region(
        country="IL",
        locale_code="he_IL",
        currency="USD",
        share=2,
        given=_words("נועם · תמר · יוסף · שרה · איתי · רחל"),
        family=_words("כהן · לוי · מזרחי · פרץ · בן־דוד · אברהם"),
        streets=_words("רחוב דיזנגוף · שדרות רוטשילד · רחוב יפו"),
        cities=_words("תל אביב 6433222 · ירושלים 9414101 · חיפה 3303201"),
        trades=_words("מאפיית · ספרי · בית מרקחת · קפה · מסעדת"),
    ),
    Region(
        country="IN",
        locale_code="hi_IN",
        currency="USD",
        share=4,
        given=_words("आरव · प्रिया · विक्रम · लक्ष्मी · कृष्ण · श्रुति"),
        family=_words("शर्मा · वर्मा · त्रिपाठी · चतुर्वेदी · सिंह · मिश्रा"),
        streets=_words("महात्मा गांधी मार्ग · नेहरू मार्ग · चाँदनी चौक"),
        cities=_words("नई दिल्ली 110001 · मुंबई 400001 · लखनऊ 226001"),
        trades=_words("मिष्ठान्न भंडार · पुस्तक भंडार · औषधालय · वस्त्रालय · किराना"),
        address="{number}, {street}\n{city}",
        shop="{family} {trade}",
    ),
    Region(
        country="CN",
        locale_code="zh_CN",
        currency="USD",
        share=3,
        given=_words("伟 · 秀英 · 子涵 · 建国 · 雨桐 · 思源"),
        family=_words("王 · 李 · 张 · 刘 · 欧阳 · 诸葛"),
        streets=_words("中山路 · 人民大道 · 长安街"),
        cities=_words("北京市东城区 100006 · 上海市黄浦区 200001 · 广州市越秀区 510030"),
        trades=_words("书店 · 茶庄 · 药房 · 面馆 · 电器行"),
        full_name="{family}{given}",
        address="{city}\n{street}{number}号",
        shop="{family}记{trade}",
    ),
    Region(
        country="JP",
        locale_code="ja_JP",
        currency="JPY",
        share=6,
        given=_words("太郎 · 花子 · さくら · 健一 · ゆうき · リサ"),
        family=_words("佐藤 · 鈴木 · 髙橋 · 渡邉 · 長谷川 · 小鳥遊"),
        streets=_words("銀座 · 丸の内 · 四条通 · 栄町"),
        cities=_words(
            "〒104-0061 東京都中央区 · 〒600-8001 京都市下京区 · 〒460-0008 名古屋市中区"
        ),
        trades=_words("書店 · ベーカリー · 薬局 · らーめん · 電機"),
        full_name="{family} {given}",
        address="{city}\n{street}{number}番地",
        shop="{family}{trade}",
    ),
    Region(
        country="KR",
        locale_code="ko_KR",
        currency="USD",
        share=2,
        given=_words("민준 · 서연 · 지우 · 하은 · 도윤 · 영희"),
        family=_words("김 · 이 · 박 · 최 · 정 · 남궁"),
        streets=_words("세종대로 · 강남대로 · 해운대로"),
        cities=_words("서울특별시 중구 04524 · 부산광역시 해운대구 48094"),
        trades=_words("서점 · 빵집 · 약국 · 분식 · 전자"),
        full_name="{family}{given}",
        address="{city}\n{street} {number}",
        shop="{family}씨네 {trade}",
    ),
)
