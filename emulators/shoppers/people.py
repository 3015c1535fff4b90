"""Made-up shoppers: the same number is always the same person, and no two share an e-mail or a valid phone."""

from dataclasses import dataclass

from emulators.bigcommerce.records import Address

FIRST_NAMES = {
    "US": [
        "Ada",
        "Ben",
        "Carla",
        "Dwight",
        "Erin",
        "Frank",
        "Gina",
        "Hank",
        "Iris",
        "Joel",
        "Kara",
        "Leo",
        "Maya",
        "Nate",
        "Olive",
        "Pete",
        "Quinn",
        "Rosa",
        "Sam",
        "Tess",
    ],
    "GB": [
        "Alfie",
        "Bea",
        "Callum",
        "Daisy",
        "Elsie",
        "Finlay",
        "Gemma",
        "Harriet",
        "Imogen",
        "Jack",
        "Kit",
        "Lottie",
        "Milo",
        "Nell",
        "Oscar",
        "Poppy",
    ],
    "DE": [
        "Anke",
        "Björn",
        "Claudia",
        "Dieter",
        "Elke",
        "Frauke",
        "Günter",
        "Heike",
        "Ingo",
        "Jürgen",
        "Katrin",
        "Lutz",
        "Monika",
        "Nils",
        "Petra",
        "Uwe",
    ],
}
LAST_NAMES = {
    "US": [
        "Adams",
        "Baker",
        "Cole",
        "Diaz",
        "Evans",
        "Flores",
        "Grant",
        "Hayes",
        "Irwin",
        "Jenkins",
        "Keller",
        "Lopez",
        "Moore",
        "Nolan",
        "Owens",
        "Price",
        "Reed",
    ],
    "GB": [
        "Ashworth",
        "Barnes",
        "Clarke",
        "Dunn",
        "Eccles",
        "Fletcher",
        "Gough",
        "Hobbs",
        "Iveson",
        "Jarvis",
        "Kemp",
        "Lowe",
        "Marsh",
        "Newby",
        "Ogden",
    ],
    "DE": [
        "Albrecht",
        "Böhm",
        "Conrad",
        "Dietz",
        "Eckert",
        "Fuchs",
        "Gärtner",
        "Hübner",
        "Jung",
        "Krüger",
        "Lorenz",
        "Möller",
        "Neumann",
        "Otto",
        "Preuß",
    ],
}
# city, state or province, and how a postal code there begins
CITIES = {
    "US": [("Austin", "Texas", "787"), ("Portland", "Oregon", "972"), ("Denver", "Colorado", "802")],
    "GB": [("Leeds", "West Yorkshire", "LS1 "), ("Bristol", "Avon", "BS1 "), ("Norwich", "Norfolk", "NR1 ")],
    "DE": [("Köln", "Nordrhein-Westfalen", "506"), ("Leipzig", "Sachsen", "041"), ("Bremen", "Bremen", "281")],
}
COUNTRIES = {"US": "United States", "GB": "United Kingdom", "DE": "Germany"}
STREETS = {"US": "Maple Street", "GB": "Mill Lane", "DE": "Lindenweg"}
AREA_CODES = ["212", "303", "312", "404", "415", "503", "512", "602", "617", "703", "713", "804", "916", "972"]
HOSTS = ("example.com", "example.org", "example.net")
PLAIN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


@dataclass(frozen=True, slots=True)
class Person:
    number: int
    first_name: str
    last_name: str
    email: str
    phone: str
    country_code: str

    def address(self, move: int = 0) -> Address:
        """Where the person lives; another ``move`` is another place in the same country."""
        city, state, zip_start = CITIES[self.country_code][(self.number // 20 + move) % 3]
        house = (self.number * 31 + move * 17) % 180 + 1
        code = f"{(self.number + move) % 9 + 1}AB" if self.country_code == "GB" else f"{(self.number + move) % 90 + 10}"
        street = STREETS[self.country_code]
        return Address(
            first_name=self.first_name,
            last_name=self.last_name,
            street=f"{street} {house}" if self.country_code == "DE" else f"{house} {street}",
            city=city,
            state=state,
            zip=f"{zip_start}{code}",
            country=COUNTRIES[self.country_code],
            country_code=self.country_code,
            phone=self.phone,
        )


def person(number: int) -> Person:
    """``number`` is a customer id, or any other positive number below a million for somebody who has none."""
    country = country_of(number)
    first = FIRST_NAMES[country][number * 7 % len(FIRST_NAMES[country])]
    last = LAST_NAMES[country][number * 11 % len(LAST_NAMES[country])]
    return Person(number, first, last, email_of(number), phone_of(number), country)


def country_of(number: int) -> str:
    """Seven of ten live in the United States, the others in equal parts in the United Kingdom and in Germany."""
    place = number % 20
    return "US" if place < 14 else "GB" if place < 17 else "DE"


def email_of(number: int, change: int = 0) -> str:
    """The e-mail of the person's ``change``-th address change; 0 is the first."""
    country = country_of(number)
    first = FIRST_NAMES[country][number * 7 % len(FIRST_NAMES[country])]
    last = LAST_NAMES[country][number * 11 % len(LAST_NAMES[country])]
    name = f"{first}.{last}".lower().translate(PLAIN)
    return f"{name}.{number}{f'-{change}' if change else ''}@{HOSTS[(number + change) % 3]}"


def phone_of(number: int) -> str:
    """As people write them: national or international; one in 97 is no phone number at all."""
    if number % 97 == 13:
        return "12345" if number % 2 else "ask my wife"
    country, abroad = country_of(number), number % 3 == 0
    if country == "US":
        area, rest = AREA_CODES[number % len(AREA_CODES)], number // len(AREA_CODES)
        subscriber = f"{230 + rest // 9000}-{1000 + rest % 9000}"
        return f"+1 {area}-{subscriber}" if abroad else f"({area}) {subscriber}"
    if country == "GB":
        return f"+44 7400 {number:06d}" if abroad else f"07400 {number:06d}"
    return f"+49 151 {10_000_000 + number}" if abroad else f"0151 {10_000_000 + number}"
