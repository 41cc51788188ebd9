//! Reads the address book: one row of the export becomes one entry, by the rules that a careful person would follow.

use std::fs::File;

use crate::error::DemoError;

/// Google puts several values of one column side by side.
const SEVERAL: &str = " ::: ";
/// Google marks its own groups, and the preferred address, with a star.
const STAR: &str = "* ";
/// Without these the file is something else.
const NEEDED: [&str; 5] = [
    "First Name",
    "Last Name",
    "Organization Name",
    "Labels",
    "E-mail 1 - Value",
];

/// What a row is about.
pub enum Entry {
    /// A person: with a name, or with none that could be found.
    Person(Box<Person>),
    /// A firm without a person: becomes an account, not a contact.
    Company {
        /// Its name.
        name: String,
    },
}

/// A person as createContact takes them.
pub struct Person {
    /// Finds the row again on a second run.
    pub external_id: String,
    /// LEAD without an address; else what the labels say, CLIENT without any.
    pub role: &'static str,
    /// Given and middle name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// The preferred address, as it stands in the file.
    pub email: Option<String>,
    /// The first number that is written internationally.
    pub phone: Option<String>,
    /// The row's notes, and below them what has no field of its own.
    pub notes: Option<String>,
    /// The labels that are neither Google's own nor a role.
    pub tags: Vec<String>,
    /// Where they work.
    pub company: Option<String>,
    /// May get into the portal for that company.
    pub login: bool,
    /// Labelled as a client of former days.
    pub former: bool,
}

/// The file, read row by row.
pub struct Book {
    file: String,
    columns: Vec<String>,
    records: csv::StringRecordsIntoIter<File>,
}

impl Book {
    /// Opens an export and checks its layout.
    ///
    /// # Errors
    /// When the file cannot be read or has other columns.
    pub fn open(file: &str) -> Result<Self, DemoError> {
        let failed = |source| DemoError::File {
            file: file.to_owned(),
            source,
        };
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_path(file)
            .map_err(failed)?;
        let header = reader.headers().map_err(failed)?;
        let columns: Vec<String> = header
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').to_owned())
            .collect();
        for column in NEEDED {
            if !columns.iter().any(|name| name == column) {
                return Err(DemoError::Layout {
                    file: file.to_owned(),
                    column,
                });
            }
        }
        Ok(Self {
            file: file.to_owned(),
            columns,
            records: reader.into_records(),
        })
    }
}

impl Iterator for Book {
    type Item = Result<Entry, DemoError>;

    fn next(&mut self) -> Option<Self::Item> {
        let record = self.records.next()?;
        Some(match record {
            Ok(record) => Ok(Row {
                columns: &self.columns,
                record: &record,
            }
            .entry()),
            Err(source) => Err(DemoError::File {
                file: self.file.clone(),
                source,
            }),
        })
    }
}

struct Row<'a> {
    columns: &'a [String],
    record: &'a csv::StringRecord,
}

impl Row<'_> {
    fn entry(&self) -> Entry {
        let (first_name, last_name) = self.name();
        let company = self.get("Organization Name");
        if first_name.is_empty() && last_name.is_empty() && !company.is_empty() {
            return Entry::Company {
                name: company.to_owned(),
            };
        }
        let (email, further) = self.addresses();
        let labels: Vec<&str> = self.get("Labels").split(SEVERAL).map(str::trim).collect();
        let labelled = |label: &str| labels.contains(&label);
        let role = match email {
            None => "LEAD",
            Some(_) if labelled("Leads") => "LEAD",
            Some(_) if labelled("Prospects") => "PROSPECT",
            Some(_) => "CLIENT",
        };
        let (phone, numbers) = self.phones();
        Entry::Person(Box::new(Person {
            external_id: self.external_id(),
            role,
            first_name,
            last_name,
            notes: self.notes(&further, &numbers),
            email,
            phone,
            tags: labels
                .iter()
                .filter(|label| is_tag(label))
                .map(|&label| label.to_owned())
                .collect(),
            company: Some(company.to_owned()).filter(|name| !name.is_empty()),
            login: !labelled("No portal"),
            former: labelled("Former clients"),
        }))
    }

    /// A whole name typed into the first field is split at its last space; a single name stays single, for the API to judge.
    fn name(&self) -> (String, String) {
        let given = [self.get("First Name"), self.get("Middle Name")]
            .join(" ")
            .trim()
            .to_owned();
        let family = self.get("Last Name");
        match given.rsplit_once(char::is_whitespace) {
            Some((first, last)) if family.is_empty() => (first.trim().to_owned(), last.to_owned()),
            _ => (given, family.to_owned()),
        }
    }

    /// The preferred address and all others. As typed: whether it is one is for the API to say.
    fn addresses(&self) -> (Option<String>, Vec<String>) {
        let mut preferred = None;
        let mut found = Vec::new();
        for number in 1.. {
            let column = format!("E-mail {number} - Value");
            if !self.has(&column) {
                break;
            }
            if self
                .get(&format!("E-mail {number} - Label"))
                .starts_with(STAR.trim())
                && preferred.is_none()
            {
                preferred = Some(found.len());
            }
            found.extend(split(self.get(&column)));
        }
        if found.is_empty() {
            return (None, found);
        }
        let preferred = preferred.filter(|&index| index < found.len()).unwrap_or(0);
        (Some(found.remove(preferred)), found)
    }

    /// The first international number, and all others: without a country a number means nothing elsewhere.
    fn phones(&self) -> (Option<String>, Vec<String>) {
        let columns = (1..).map(|number| format!("Phone {number} - Value"));
        let mut numbers: Vec<String> = columns
            .take_while(|column| self.has(column))
            .flat_map(|column| split(self.get(&column)))
            .collect();
        let first = numbers.iter().position(|number| number.starts_with('+'));
        (first.map(|index| numbers.remove(index)), numbers)
    }

    fn notes(&self, addresses: &[String], numbers: &[String]) -> Option<String> {
        let mut notes = self.get("Notes").to_owned();
        for (name, values) in [("Other addresses", addresses), ("Other numbers", numbers)] {
            if !values.is_empty() {
                notes.push_str(&format!("\n{name}: {}", values.join(", ")));
            }
        }
        Some(notes.trim().to_owned()).filter(|notes| !notes.is_empty())
    }

    /// FNV-1a of the whole row: the same on every run, wherever the row has moved in the file.
    fn external_id(&self) -> String {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let fields = self.record.iter().flat_map(|field| field.bytes().chain([0]));
        format!("google-contacts:{:016x}", fields.fold(0xcbf2_9ce4_8422_2325, mix))
    }

    fn has(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name == column)
    }

    fn get(&self, column: &str) -> &str {
        let index = self.columns.iter().position(|name| name == column);
        index
            .and_then(|index| self.record.get(index))
            .map_or("", str::trim)
    }
}

fn split(values: &str) -> Vec<String> {
    values
        .split(SEVERAL)
        .map(str::trim)
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect()
}

fn is_tag(label: &str) -> bool {
    const ROLES: [&str; 5] = ["", "Clients", "Leads", "Prospects", "No portal"];
    !label.starts_with(STAR) && !ROLES.contains(&label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(rows: &str) -> Vec<Person> {
        let header = "First Name,Middle Name,Last Name,Organization Name,Notes,Labels,E-mail 1 - Label,\
            E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Value";
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("\u{feff}{header}\n{rows}\n")).unwrap();
        let book = Book::open(file.path().to_str().unwrap()).unwrap();
        let person = |entry| match entry {
            Entry::Person(person) => *person,
            Entry::Company { name } => panic!("{name}"),
        };
        book.map(|entry| person(entry.unwrap())).collect()
    }

    #[test]
    fn the_starred_address_is_the_one_and_the_others_go_into_the_notes() {
        let row = "Ada,,Lovelace,,Old friend,* myContacts,Home,a@example.org ::: b@example.org,* Work,c@example.org,";
        let ada = people(row).remove(0);
        assert_eq!(ada.email.as_deref(), Some("c@example.org"));
        assert_eq!(
            ada.notes.as_deref(),
            Some("Old friend\nOther addresses: a@example.org, b@example.org")
        );
    }

    #[test]
    fn labels_are_role_portal_and_tags() {
        let rows = "A,,B,Acme,,Leads ::: VIP ::: * myContacts,,a@example.org,,,\n\
            A,,B,Acme,,Clients ::: No portal ::: * starred,,a@example.org,,,\n\
            A,,B,Acme,,Prospects ::: Former clients,,,,,";
        let found: Vec<_> = people(rows)
            .into_iter()
            .map(|p| (p.role, p.tags, p.login, p.former))
            .collect();
        let expected = [
            ("LEAD", vec!["VIP".to_owned()], true, false),
            ("CLIENT", vec![], false, false),
            ("LEAD", vec!["Former clients".to_owned()], true, true),
        ];
        assert_eq!(found, expected, "without an address everybody is a lead");
    }

    #[test]
    fn names_are_split_only_where_the_last_one_is_missing() {
        let rows = "Anna Maria Weiß,,,,,,,,,,\nAda,Q.,Holloway,,,,,,,,\nSukarno,,,,,,,,,,";
        let found: Vec<_> = people(rows)
            .into_iter()
            .map(|p| (p.first_name, p.last_name))
            .collect();
        let expected = [("Anna Maria", "Weiß"), ("Ada Q.", "Holloway"), ("Sukarno", "")];
        assert_eq!(
            found,
            expected.map(|(first, last)| (first.to_owned(), last.to_owned()))
        );
    }

    #[test]
    fn only_international_numbers_are_numbers() {
        let ada = people("Ada,,Lovelace,,,,,,,,(212) 555-0143 ::: +1 415-555-0132").remove(0);
        assert_eq!(ada.phone.as_deref(), Some("+1 415-555-0132"));
        assert_eq!(ada.notes.as_deref(), Some("Other numbers: (212) 555-0143"));
    }

    #[test]
    fn another_layout_is_refused_by_the_column_that_is_missing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "Name,E-mail\nAda,ada@example.org\n").unwrap();
        let refused = Book::open(file.path().to_str().unwrap()).map(|_| ());
        assert!(matches!(
            refused,
            Err(DemoError::Layout {
                column: "First Name",
                ..
            })
        ));
    }

    /// Nothing may ever reach a real person: whatever follows an @ is reserved, or no domain at all.
    #[test]
    fn the_sample_is_large_and_knows_only_reserved_domains() {
        const RESERVED: [&str; 5] = [".example", ".test", "example.com", "example.org", "example.net"];
        let mut reader = csv::Reader::from_path(crate::settings::SAMPLE).unwrap();
        let mut rows = 0;
        for record in reader.records().map(Result::unwrap) {
            rows += 1;
            for part in record.iter().flat_map(|field| field.split('@').skip(1)) {
                let part = part.to_lowercase();
                let domain = part.split([' ', ',', '>', '\n']).next().unwrap_or_default();
                let reserved = RESERVED.iter().any(|end| domain.ends_with(end));
                assert!(reserved || !domain.contains('.'), "{domain}");
            }
        }
        assert!(rows >= 1000, "{rows}");
    }
}
