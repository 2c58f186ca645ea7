"""Word lists that made-up people are put together from.

First and last names carry the spelling that a mailbox would use beside the one a person writes, because the two
differ for names outside ASCII and both appear in a CRM.
"""

from typing import Final

FIRST_NAMES: Final[tuple[tuple[str, str], ...]] = (
    ("James", "james"),
    ("Mary", "mary"),
    ("Robert", "robert"),
    ("Patricia", "patricia"),
    ("Michael", "michael"),
    ("Jennifer", "jennifer"),
    ("David", "david"),
    ("Linda", "linda"),
    ("William", "william"),
    ("Elizabeth", "elizabeth"),
    ("Marcus", "marcus"),
    ("Aaliyah", "aaliyah"),
    ("DeShawn", "deshawn"),
    ("Priya", "priya"),
    ("Arjun", "arjun"),
    ("Wei", "wei"),
    ("Yuki", "yuki"),
    ("Fatima", "fatima"),
    ("Omar", "omar"),
    ("Chloe", "chloe"),
    ("Anne-Marie", "anne-marie"),
    ("Jean-Luc", "jean-luc"),
    ("Mary Jo", "maryjo"),
    ("José", "jose"),
    ("Zoë", "zoe"),
    ("Søren", "soren"),
    ("Łukasz", "lukasz"),
    ("Ayşe", "ayse"),
    ("François", "francois"),
    ("Jürgen", "jurgen"),
    ("Nguyễn", "nguyen"),
    ("Олена", "olena"),
    ("Δημήτρης", "dimitris"),
    ("محمد", "mohammed"),
    ("小明", "xiaoming"),
    ("さくら", "sakura"),
    ("민준", "minjun"),
    ("D'Andre", "dandre"),
    ("J.P.", "jp"),
    ("Bo", "bo"),
)

LAST_NAMES: Final[tuple[tuple[str, str], ...]] = (
    ("Smith", "smith"),
    ("Johnson", "johnson"),
    ("Williams", "williams"),
    ("Brown", "brown"),
    ("Jones", "jones"),
    ("Garcia", "garcia"),
    ("Miller", "miller"),
    ("Davis", "davis"),
    ("Martinez", "martinez"),
    ("Lopez", "lopez"),
    ("Wilson", "wilson"),
    ("Anderson", "anderson"),
    ("Thomas", "thomas"),
    ("Taylor", "taylor"),
    ("Lee", "lee"),
    ("Nakamura", "nakamura"),
    ("Okafor", "okafor"),
    ("Cohen", "cohen"),
    ("Singh", "singh"),
    ("Kim", "kim"),
    ("O'Brien", "obrien"),
    ("McDonald", "mcdonald"),
    ("Smith-Jones", "smith-jones"),
    ("van der Berg", "vanderberg"),
    ("de la Cruz", "delacruz"),
    ("García Márquez", "garcia.marquez"),
    ("Müller", "mueller"),
    ("Østergård", "ostergard"),
    ("Żółć", "zolc"),
    ("Y\u0131lmaz", "yilmaz"),
    ("Lefèvre", "lefevre"),
    ("Trần", "tran"),
    ("Шевченко", "shevchenko"),
    ("Παπαδόπουλος", "papadopoulos"),
    ("王", "wang"),
    ("田中", "tanaka"),
    ("김", "gim"),
    ("الأحمد", "alahmad"),
    ("Ng", "ng"),
    ("King III", "king"),
)

MAIL_DOMAINS: Final[tuple[str, ...]] = (
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "corp.example.com",
    "realty.example.org",
    "team.example.net",
)

COMPANY_FIRST: Final[tuple[str, ...]] = (
    "Northwind",
    "Blue Harbor",
    "Acme",
    "Crescent",
    "Élan",
    "Pioneer",
    "Old Mill",
    "Südwind",
    "Sunset",
    "Granite",
    "First Light",
    "Riverside",
)

COMPANY_LAST: Final[tuple[str, ...]] = (
    "Realty, LLC",
    "Dental Group",
    "Roofing & Solar",
    "Partners",
    "Logistics Inc.",
    'Studio "A"',
    "Insurance Agency",
    "GmbH",
)

JOB_TITLES: Final[tuple[str, ...]] = (
    "Owner",
    "Sales Manager",
    "VP, Operations",
    "Agent",
    "Head of Growth",
    "Office Manager",
    "Founder & CEO",
    "Buyer",
)

CITIES: Final[tuple[str, ...]] = (
    "New York",
    "Los Angeles",
    "Chicago",
    "Houston",
    "São Paulo",
    "Montréal",
    "Zürich",
    "Austin",
    "St. Louis",
    "Coeur d'Alene",
)

NOTES: Final[tuple[str, ...]] = (
    "Met at the spring fair, wants a call back",
    'Said "not before June"; ask for Dana',
    "Two homes:\n1) lake\n2) town",
    "=SUM(A1:A9)",
    "👍 replied quickly",
    "Prefers texts; no calls after 6 pm",
    "<b>VIP</b> & partner",
    "+1 on the newsletter",
)

SEGMENTS: Final[tuple[str, ...]] = ("buyer", "seller", "past_client", "partner")
