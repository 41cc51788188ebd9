#!/usr/bin/env python3
"""Writes contacts.csv: invented people in the layout that Google Contacts exports.

    python3 sample.py > contacts.csv

Nobody here exists: every domain is reserved (RFC 2606, RFC 6761), every telephone number lies in a range that regulators
keep for fiction. The output is the same on every run: only `random.random()` of a fixed seed decides.
"""

import csv
import random
import sys

ROWS = 1200

HEADER = (
    "First Name,Middle Name,Last Name,Phonetic First Name,Phonetic Middle Name,Phonetic Last Name,Name Prefix,Name Suffix,"
    "Nickname,File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,Photo,Labels,"
    "E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,"
    "Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value,"
    "Address 1 - Label,Address 1 - Formatted,Address 1 - Street,Address 1 - City,Address 1 - PO Box,Address 1 - Region,"
    "Address 1 - Postal Code,Address 1 - Country,Address 1 - Extended Address,Website 1 - Label,Website 1 - Value"
).split(",")

# Script -> given names, family names (each with the letters used in addresses), telephone numbers, places.
PEOPLE = {
    "english": (
        "Ada:ada Grace:grace Oliver:oliver Harriet:harriet Siân:sian Declan:declan Niamh:niamh Theo:theo Beatrix:beatrix "
        "Callum:callum Imogen:imogen Rhys:rhys",
        "Holloway:holloway O'Connor:o'connor Fairweather:fairweather Smith-Jones:smith-jones Thackeray:thackeray "
        "MacLeod:macleod Ashdown:ashdown D'Arcy:d'arcy Pemberton:pemberton Wyn:wyn",
        ["+44 20 7946 0{n:03d}", "+44 161 496 0{n:03d}", "+44 20 79{m:02d}", "020 7946 0{n:03d}", "07700 900{n:03d}"],
        [("12 Elm Row", "London", "", "N1 7AA", "GB"), ("Flat 3, 8 Quay St", "Cardiff", "", "CF10 5AA", "GB")],
    ),
    "american": (
        "Maya:maya Jordan:jordan Tyler:tyler Brooke:brooke Xavier:xavier Destiny:destiny Logan:logan Savannah:savannah "
        "Hunter:hunter Aaliyah:aaliyah José:jose Guadalupe:guadalupe",
        "Whitfield:whitfield Carrington:carrington Núñez:nunez Okafor:okafor Delacroix:delacroix Steinberg:steinberg "
        "Begay:begay Kamakau:kamakau Villanueva:villanueva Prescott:prescott",
        ["+1 415-555-01{m:02d}", "(212) 555-01{m:02d}", "+1 (312) 555-01{m:02d}", "1-800-555-01{m:02d} x{n}"],
        [("400 Larch Ave", "Springfield", "IL", "62701", "US"), ("77 Bay St, Suite 900", "Oakland", "CA", "94607", "US")],
    ),
    "german": (
        "Jürgen:juergen Käthe:kaethe Björn:bjoern Anneliese:anneliese Günther:guenther Mareike:mareike Sören:soeren "
        "Lieselotte:lieselotte Jörg:joerg Heike:heike",
        "Müller:mueller Weiß:weiss Schröder:schroeder Großmann:grossmann Köhler:koehler Böttcher:boettcher "
        "von der Heide:vonderheide Jäger:jaeger Hübner:huebner",
        ["+49 30 23125{n:03d}", "030 23125 {n:03d}", "+49 (0)171 39200{m:02d}"],
        [("Lindenstraße 4", "Berlin", "", "10969", "DE"), ("Am Bühl 17a", "Tübingen", "", "72070", "DE")],
    ),
    "french": (
        "Zoé:zoe François:francois Léa:lea Maël:mael Hélène:helene Noël:noel Anaïs:anais Gaëlle:gaelle Cédric:cedric",
        "Lefèvre:lefevre Châtelain:chatelain D'Aubigné:daubigne L'Hôpital:lhopital Bénard:benard Garçon:garcon "
        "Saint-Exupéry:saint-exupery Lemaître:lemaitre",
        ["+33 1 99 00 {m:02d} {k:02d}", "01 99 00 {m:02d} {k:02d}"],
        [("3 rue de l'Église", "Besançon", "", "25000", "FR"), ("18 bis, av. Foch", "Nîmes", "", "30000", "FR")],
    ),
    "polish": (
        "Łukasz:lukasz Żaneta:zaneta Małgorzata:malgorzata Władysław:wladyslaw Zbigniew:zbigniew Agnieszka:agnieszka "
        "Świętosław:swietoslaw",
        "Wójcik:wojcik Błaszczyk:blaszczyk Źrebiec:zrebiec Kowalczyk:kowalczyk Dąbrowska:dabrowska Śliwa:sliwa",
        [],
        [("ul. Długa 8/12", "Łódź", "", "90-001", "PL")],
    ),
    "turkish": (
        "İbrahim:ibrahim Çağla:cagla Gülşen:gulsen Şükrü:sukru Işıl:isil Özgür:ozgur",
        "Yılmaz:yilmaz Çelik:celik Öztürk:ozturk Şahin:sahin Iğdır:igdir",
        [],
        [("İstiklâl Cad. 21", "İzmir", "", "35000", "TR")],
    ),
    "vietnamese": (
        "Thị Hương:huong Văn Đức:duc Minh Tuấn:tuan Ngọc Ánh:anh Quốc Bảo:bao",
        "Nguyễn:nguyen Trần:tran Phạm:pham Đặng:dang Võ:vo",
        [],
        [("5 Phố Huế", "Hà Nội", "", "100000", "VN")],
    ),
    "russian": (
        "Ольга:olga Дмитрий:dmitri Наталья:natalya Сергей:sergei Людмила:lyudmila Алексей:aleksei Екатерина:ekaterina "
        "Фёдор:fyodor",
        "Иванова:ivanova Петренко:petrenko Соловьёв:solovyov Щербаков:shcherbakov Кузнецова:kuznetsova Чайка:chaika",
        [],
        [("ул. Садовая, д. 5, кв. 12", "Тверь", "", "170000", "RU")],
    ),
    "greek": (
        "Αικατερίνη:aikaterini Γιώργος:giorgos Ελένη:eleni Νίκος:nikos Σοφία:sofia Οδυσσέας:odysseas",
        "Παπαδόπουλος:papadopoulos Γεωργίου:georgiou Αγγελίδης:angelidis Χατζής:chatzis Σταύρου:stavrou",
        [],
        [("Οδός Ερμού 7", "Αθήνα", "", "105 63", "GR")],
    ),
    "arabic": (
        "فاطمة:fatima محمد:mohammed ليلى:layla يوسف:yusuf عائشة:aisha خالد:khalid",
        "الحداد:alhaddad بن سعيد:bensaid المصري:almasri النجار:alnajjar الشريف:alsharif",
        [],
        [("شارع النيل ١٢", "القاهرة", "", "11511", "EG")],
    ),
    "hebrew": (
        "שירה:shira יונתן:yonatan תמר:tamar אליהו:eliyahu נועה:noa",
        "כהן:cohen לוי:levi בן־דוד:bendavid מזרחי:mizrahi אשכנזי:ashkenazi",
        [],
        [("רחוב הרצל 9", "חיפה", "", "3303209", "IL")],
    ),
    "chinese": (
        "伟:wei 秀英:xiuying 志明:zhiming 淑芬:shufen 建国:jianguo 美玲:meiling",
        "王:wang 李:li 欧阳:ouyang 陳:chen 張:zhang 劉:liu",
        [],
        [("中山路88号", "上海", "", "200000", "CN")],
    ),
    "japanese": (
        "翼:tsubasa さくら:sakura 健太:kenta ミカ:mika 陽菜:hina 大輔:daisuke",
        "愛川:aikawa 佐藤:sato 髙橋:takahashi 渡邊:watanabe 小林:kobayashi 田中:tanaka",
        [],
        [("千代田1-1", "東京都", "", "100-0001", "JP")],
    ),
    "korean": (
        "서연:seoyeon 민준:minjun 지우:jiwoo 하은:haeun 도윤:doyun",
        "김:kim 이:lee 박:park 남궁:namgung 최:choi",
        [],
        [("세종대로 110", "서울특별시", "", "04524", "KR")],
    ),
    "hindi": (
        "आशा:asha राजेश:rajesh प्रिया:priya विकास:vikas सुनीता:sunita अर्जुन:arjun",
        "शर्मा:sharma वर्मा:verma गुप्ता:gupta चौधरी:chaudhary मिश्रा:mishra",
        [],
        [("१२ पार्क स्ट्रीट", "दिल्ली", "", "110001", "IN")],
    ),
}

# How often each script comes up, of a hundred rows.
WEIGHTS = dict(
    english=18, american=20, german=12, french=8, polish=5, turkish=4, vietnamese=4, russian=6, greek=4, arabic=4, hebrew=3,
    chinese=4, japanese=4, korean=2, hindi=2,
)

COMPANIES = [
    ("Fairweather & Daughters, Solicitors", "fairweather.example"), ("Acme, Inc.", "acme.example"),
    ("Bücherei am Bühl GmbH & Co. KG", "bücher.example"), ("Garçon \"Le Petit\" SARL", "garcon.example"),
    ("Łódź Logistyka Sp. z o.o.", "lodz.example"), ("ООО «Ромашка»", "romashka.example"), ("Παπαδόπουλος Α.Ε.", "papadopoulos.example"),
    ("شركة الحداد للتجارة", "alhaddad.example"), ("株式会社愛川工業", "aikawa.example"), ("王記茶行", "wangtea.example"),
    ("한빛 주식회사", "hanbit.example"), ("शर्मा एंड संस", "sharma.example"), ("Öztürk Tekstil A.Ş.", "ozturk.example"),
    ("O'Connor Landscaping", "oconnor.example"), ("Begay Family Trust", "begay.example"), ("Kamakau Surf Co.", "kamakau.example"),
    ("Prescott, Prescott & Wyn LLP", "ppw.example"), ("The \"Corner\" Bakery", "bakery.example"), ("Steinberg Capital", "steinberg.example"),
    ("Trần Gia Foods", "tran.example"),
]  # fmt: skip

FREE_MAIL = ["example.com", "example.org", "example.net", "mail.test", "post.example"]
TITLES = ["", "", "", "Owner", "Head of Operations", "Bookkeeper", "Geschäftsführerin", "Directeur, ventes", "代表取締役"]
LABELS = ["Tax 2026", "Newsletter", "Board", "Gärten & Höfe", "VIP", "Année 2025, à revoir", "مهم", "重要"]
NOTES = [
    "Met at the fair in May, wants the spring offer.",
    "Prefers calls after 5 p.m.\nNever on Fridays.",
    "Said: \"send it to my wife, too\"",
    "Two gates; the dog is called Otto.\n\nKey with the neighbour (no. 14).",
    "=SUM(A1:A9)",
    "Allergic to nuts 🥜, otherwise easy",
    "Steuernummer liegt vor; Vollmacht fehlt noch.",
    "語学留学中、\n来年三月に戻る予定。",
]


class Dice:
    """Choices that depend on nothing but the seed and the order of the questions."""

    def __init__(self, seed):
        self.source = random.Random(seed)

    def below(self, bound):
        return int(self.source.random() * bound)

    def one_of(self, things):
        return things[self.below(len(things))]

    def happens(self, percent):
        return self.source.random() * 100 < percent


def pairs(text):
    """`Jürgen:juergen Thị Hương:huong` as [("Jürgen", "juergen"), ("Thị Hương", "huong")]."""
    found, words = [], []
    for word in text.split():
        head, colon, ascii_form = word.partition(":")
        words.append(head)
        if colon:
            found.append((" ".join(words), ascii_form))
            words = []
    return found


SCRIPTS = {name: (pairs(given), pairs(family), phones, places) for name, (given, family, phones, places) in PEOPLE.items()}


class Writer:
    def __init__(self):
        self.dice = Dice(2026)
        self.taken = set()
        self.rows = []
        self.bag = [name for name, weight in WEIGHTS.items() for _ in range(weight)]

    def address(self, given, family, domain):
        """A fresh one: nothing collides unless a row is made to collide."""
        separator = self.dice.one_of([".", ".", "_", ""])
        base = given + separator + family
        address, number = f"{base}@{domain}", 1
        while address.lower() in self.taken:
            number += 1
            address = f"{base}{number}@{domain}"
        self.taken.add(address.lower())
        return address

    def phone(self, patterns):
        return self.dice.one_of(patterns).format(n=self.dice.below(1000), m=self.dice.below(100), k=self.dice.below(100))

    def person(self):
        dice = self.dice
        given_names, family_names, phones, places = SCRIPTS[dice.one_of(self.bag)]
        (given, given_ascii), (family, family_ascii) = dice.one_of(given_names), dice.one_of(family_names)
        row = {"First Name": given, "Last Name": family}
        domain = dice.one_of(FREE_MAIL)
        if dice.happens(32):
            row["Organization Name"], domain = dice.one_of(COMPANIES)
            row["Organization Title"] = dice.one_of(TITLES)
        row["E-mail 1 - Label"] = dice.one_of(["* ", "* Work", "* Home", "* Other"])
        row["E-mail 1 - Value"] = self.address(given_ascii, family_ascii, domain)
        self.extras(row, phones, places)
        return row

    def extras(self, row, phones, places):
        dice = self.dice
        if phones and dice.happens(70):
            row["Phone 1 - Label"] = dice.one_of(["Mobile", "Work", "Home", "* Mobile"])
            row["Phone 1 - Value"] = self.phone(phones)
            if dice.happens(15):
                row["Phone 1 - Value"] += " ::: " + self.phone(phones)
            if dice.happens(10):
                row["Phone 2 - Label"], row["Phone 2 - Value"] = "Work Fax", self.phone(phones)
        if dice.happens(40):
            street, city, region, code, country = dice.one_of(places)
            formatted = "\n".join(part for part in (street, f"{code} {city}", region, country) if part)
            names = ["Label", "Formatted", "Street", "City", "Region", "Postal Code", "Country"]
            values = ["Home", formatted, street, city, region, code, country]
            row.update({f"Address 1 - {name}": value for name, value in zip(names, values)})
        if dice.happens(25):
            row["Notes"] = dice.one_of(NOTES)
        if dice.happens(12):
            row["Birthday"] = dice.one_of(["1987-10-06", "--03-07", "1959-01-31", "2001-02-28"])
        if dice.happens(6):
            row["Nickname"] = dice.one_of(["Ozzy", "Kätzchen", "Бабушка", "翼ちゃん"])
        if dice.happens(5):
            row["Website 1 - Label"], row["Website 1 - Value"] = "Profile", "https://www.example.com/people?id=1,2"
        labels = []
        if dice.happens(45):
            labels.append(dice.one_of(["Clients", "Clients", "Clients", "Prospects"]))
        if dice.happens(20):
            labels.append(dice.one_of(LABELS))
        labels.append("* myContacts")
        if dice.happens(5):
            labels.append("* starred")
        row["Labels"] = " ::: ".join(labels)

    def run(self):
        quirks = [quirk for quirk, count in QUIRKS for _ in range(count)]
        ordinary = [None] * (ROWS - len(quirks))
        plan = ordinary + quirks
        for index in range(len(plan) - 1, 0, -1):  # Fisher-Yates by our own dice
            other = self.dice.below(index + 1)
            plan[index], plan[other] = plan[other], plan[index]
        for quirk in plan:
            row = self.person()
            if quirk is not None:
                quirk(self, row)
            self.rows.append(row)
        return self.rows


# ---------------------------------------------------------------- what goes wrong in real address books


def no_address(writer, row):
    row["E-mail 1 - Label"] = row["E-mail 1 - Value"] = ""


def labelled(label):
    def quirk(_writer, row):
        row["Labels"] = label + " ::: * myContacts"

    return quirk


def malformed(writer, row):
    local = row["E-mail 1 - Value"].split("@")[0]
    row["E-mail 1 - Value"] = writer.dice.one_of(
        ["{0}@", "@example.com", "{0}", "{0}@@example.org", "{0}.example.com", "{0} smith@example.com", "{0}@example", "n/a",
         "{0}@mail..test", "{0}@example.com, {0}@example.org", "{0}@exam ple.net", "<{0}@example.com>", "{0}@-example.org"]
    ).format(local)  # fmt: skip


def earlier(writer):
    """An ordinary earlier row whose address nothing else is the matter with."""
    while True:
        row = writer.dice.one_of(writer.rows)
        address = row.get("E-mail 1 - Value", "")
        if address.isascii() and address.count("@") == 1 and address == address.lower() and address in writer.taken:
            return row


def double(writer, row):
    """The same person twice, as exports after a merge of two phones have it."""
    other = earlier(writer)
    row.update(other)
    row["Labels"] = "* myContacts"


def shared_address(writer, row):
    """Two people, one mailbox; typed differently."""
    address = earlier(writer)["E-mail 1 - Value"]
    local, domain = address.split("@")
    row["E-mail 1 - Value"] = writer.dice.one_of([address.upper(), f"{local}@{domain.upper()}", f" {address} ", address.title()])


def upper_case(_writer, row):
    row["E-mail 1 - Value"] = row["E-mail 1 - Value"].upper()


def spaces(_writer, row):
    row["E-mail 1 - Value"] = f"  {row['E-mail 1 - Value']} "


def several(writer, row):
    local = row["E-mail 1 - Value"].split("@")[0]
    row["E-mail 1 - Value"] += f" ::: {local}@second.example"
    if writer.dice.happens(40):
        row["E-mail 2 - Label"], row["E-mail 2 - Value"] = "Other", f"{local}.old@third.example"


def second_is_primary(_writer, row):
    local = row["E-mail 1 - Value"].split("@")[0]
    row["E-mail 1 - Label"], row["E-mail 2 - Label"] = "Home", "* Work"
    row["E-mail 2 - Value"] = f"{local}@office.example"


def idn(writer, row):
    local = row["E-mail 1 - Value"].split("@")[0]
    row["E-mail 1 - Value"] = local + "@" + writer.dice.one_of(
        ["bücher.example", "пример.example", "例え.test", "παράδειγμα.test", "مثال.example", "한글.test", "उदाहरण.example", "Straße.example"]
    )  # fmt: skip


def idn_twice(writer, row):
    """The same mailbox once as Unicode and once as punycode."""
    idn(writer, row)
    local, domain = row["E-mail 1 - Value"].split("@")
    twin = writer.person()
    twin["E-mail 1 - Value"] = f"{local}@{domain.lower().encode('idna').decode()}"
    writer.rows.append(twin)


def unicode_local(writer, row):
    row["E-mail 1 - Value"] = writer.dice.one_of(["ольга", "jürgen", "田中", "ελένη"]) + f".{len(writer.rows)}@example.org"


def plus_and_quotes(writer, row):
    local, domain = row["E-mail 1 - Value"].split("@")
    row["E-mail 1 - Value"] = f"{local}+{writer.dice.one_of(['usher', 'tax-2026', 'a.b'])}@{domain}"


def only_company(writer, row):
    row["First Name"] = row["Last Name"] = ""
    row["Organization Name"], domain = writer.dice.one_of(COMPANIES)
    row["E-mail 1 - Value"] = writer.dice.one_of(["", f"info@{domain}", f"office@{domain}"])


def one_name(writer, row):
    row["Last Name"] = ""
    row["First Name"] = writer.dice.one_of(["Sukarno", "Björk", "निर्मला", "ソフィー", "Madonna"])


def whole_name_in_first(_writer, row):
    row["First Name"], row["Last Name"] = f"{row['First Name']} {row['Last Name']}", ""


def no_name(_writer, row):
    row["First Name"] = row["Last Name"] = row.get("Organization Name", "")
    row["Organization Name"] = ""
    row["First Name"] = row["Last Name"] = ""


def ornate(writer, row):
    row["Name Prefix"] = writer.dice.one_of(["Dr.", "Prof. Dr.", "Mme", "Sra.", "الدكتور"])
    row["Name Suffix"] = writer.dice.one_of(["Jr.", "PhD, MBA", "III"])
    row["Middle Name"] = writer.dice.one_of(["Q.", "María de los Ángeles", "van 't", "Иванович"])
    row["File As"] = f"{row['Last Name']}, {row['First Name']}"


def awkward(writer, row):
    row["First Name"] = writer.dice.one_of(
        ["Anna, gen. \"Änne\"", "Zoe\u0308", "R\u200bob", "\u200fשירה", "=HYPERLINK(\"https://example.com\")", "👩‍🌾 Rosa", "<b>Max</b>", "Line\nBreak"]
    )  # fmt: skip


def long_note(writer, row):
    row["Notes"] = "\n".join(f"{day}. Visit: {writer.dice.one_of(NOTES)}" for day in range(1, 40))


def long_name(_writer, row):
    row["Last Name"] = " ".join(["Wolfeschlegelsteinhausenbergerdorff"] * 12)


def placeholder(writer, row):
    row["E-mail 1 - Value"] = writer.dice.one_of(["none@noemail.example", "unknown@noemail.example"])


QUIRKS = [
    (no_address, 84), (labelled("Leads"), 60), (labelled("Former clients"), 30), (labelled("Clients ::: No portal"), 36),
    (malformed, 44), (double, 32), (shared_address, 28), (upper_case, 60), (spaces, 12), (several, 48), (second_is_primary, 20),
    (idn, 32), (idn_twice, 6), (unicode_local, 8), (plus_and_quotes, 16), (only_company, 24), (one_name, 16),
    (whole_name_in_first, 20), (no_name, 8), (ornate, 24), (awkward, 16), (long_note, 4), (long_name, 2), (placeholder, 24),
]  # fmt: skip


def main():
    rows = Writer().run()
    out = csv.DictWriter(sys.stdout, HEADER, restval="", lineterminator="\n")
    out.writeheader()
    out.writerows(rows)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", newline="")
    main()
