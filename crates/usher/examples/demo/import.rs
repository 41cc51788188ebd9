//! Each row through createContact, several at a time, with what a careful import does around it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::book::{Book, Entry, Person};
use crate::client::{Client, text};
use crate::error::DemoError;
use crate::known::{self, Companies};

/// Rows under way at a time. Memory does not grow with the file, only with what is there already: an id a contact.
const AT_A_TIME: usize = 8;

const CREATE_CONTACT: &str = "mutation CreateContact($input: CreateContactInput!) {
  createContact(input: $input) {
    contact { id accounts { account { id } } }
    userErrors { code field message }
  }
}";
const CREATE_ACCOUNT: &str = "mutation CreateAccount($input: CreateAccountInput!) {
  createAccount(input: $input) { account { id } userErrors { code field message } }
}";
const SET_ACTIVE: &str = "mutation SetActive($input: SetContactActiveInput!) {
  setContactActive(input: $input) { contact { id } userErrors { code field message } }
}";
/// What became of the rows.
#[derive(Default)]
pub struct Import {
    /// Rows of the file.
    pub rows: u64,
    /// Loaded by an earlier run.
    pub already: u64,
    /// Firms without a person.
    pub companies: u64,
    /// New contacts.
    pub created: u64,
    /// New contacts whose number went into the notes, because it was none.
    pub mended: u64,
    /// New contacts made inactive: former clients.
    pub former: u64,
    /// Refused rows by code and field.
    pub refused: BTreeMap<String, u64>,
    /// Contacts before and after, as the list counts them.
    pub counted: (u64, u64),
}

impl Import {
    fn note(&mut self, outcome: Outcome) {
        self.rows += 1;
        match outcome {
            Outcome::Already => self.already += 1,
            Outcome::Company => self.companies += 1,
            Outcome::Created { mended, former } => {
                self.created += 1;
                self.mended += u64::from(mended);
                self.former += u64::from(former);
            }
            Outcome::Refused(reason) => *self.refused.entry(reason).or_default() += 1,
        }
    }
}

enum Outcome {
    Already,
    Company,
    Created { mended: bool, former: bool },
    Refused(String),
}

/// A refusal of one input, by code and field.
struct Refusal {
    code: String,
    field: String,
}

/// Loads the file.
///
/// # Errors
/// When the file or the API fails; refused rows are counted, not errors.
pub async fn run(client: &Client, file: &str) -> Result<Import, DemoError> {
    let book = Book::open(file)?;
    let importer = Importer {
        client,
        known: known::rows(client).await?,
        companies: Mutex::new(known::companies(client).await?),
    };
    let before = known::count(client).await?;
    let outcomes = stream::iter(book)
        .map(async |entry| importer.load(entry?).await)
        .buffer_unordered(AT_A_TIME);
    let mut import = outcomes
        .try_fold(Import::default(), async |mut import, outcome| {
            import.note(outcome);
            Ok(import)
        })
        .await?;
    import.counted = (before, known::count(client).await?);
    Ok(import)
}

struct Importer<'a> {
    client: &'a Client,
    known: HashSet<String>,
    /// By folded name. The first row of a company makes it; the others wait for its id.
    companies: Mutex<Companies>,
}

impl Importer<'_> {
    async fn load(&self, entry: Entry) -> Result<Outcome, DemoError> {
        match entry {
            Entry::Company { name } => self.company(&name).await,
            Entry::Person(person) if self.known.contains(&person.external_id) => Ok(Outcome::Already),
            Entry::Person(person) => self.person(&person).await,
        }
    }

    async fn company(&self, name: &str) -> Result<Outcome, DemoError> {
        let made = self
            .cell(name)
            .get_or_try_init(async || self.create_account(name).await)
            .await
            .map(drop);
        outcome(made.map(|()| Outcome::Company))
    }

    async fn person(&self, person: &Person) -> Result<Outcome, DemoError> {
        let created = match self.create(person, person.phone.as_deref()).await {
            Err(Stop::Refused(refusal)) if refusal.field == "phone" => {
                self.create(person, None).await.map(|id| (id, true))
            }
            created => created.map(|id| (id, false)),
        };
        match created {
            Ok((id, mended)) => {
                if person.former {
                    self.deactivate(&id).await?;
                }
                Ok(Outcome::Created {
                    mended,
                    former: person.former,
                })
            }
            Err(stop) => outcome(Err(stop)),
        }
    }

    /// The contact, linked to its company: to the account where there is one, else with a new one.
    async fn create(&self, person: &Person, phone: Option<&str>) -> Result<String, Stop> {
        let Some(company) = &person.company else {
            return Ok(self.create_contact(person, phone, None).await?.id);
        };
        let mut made_here = None;
        let cell = self.cell(company);
        let account = cell
            .get_or_try_init(async || {
                let made = self
                    .create_contact(person, phone, Some(json!({"newCompany": company})))
                    .await?;
                made_here = Some(made.id);
                made.account.ok_or_else(|| unexpected("no account"))
            })
            .await?;
        match made_here {
            Some(contact) => Ok(contact),
            None => Ok(self
                .create_contact(person, phone, Some(json!({"accountId": account})))
                .await?
                .id),
        }
    }

    async fn create_contact(
        &self,
        person: &Person,
        phone: Option<&str>,
        link: Option<Value>,
    ) -> Result<Made, Stop> {
        let links: Vec<Value> = link
            .into_iter()
            .map(|mut link| {
                link["login"] = json!(person.login);
                link
            })
            .collect();
        let input = json!({
            "role": person.role, "firstName": person.first_name, "lastName": person.last_name,
            "email": person.email, "phone": phone, "notes": notes(person, phone), "tags": person.tags,
            "externalId": person.external_id, "accounts": links,
        });
        let answer = self
            .client
            .ask("CreateContact", CREATE_CONTACT, json!({"input": input}))
            .await?;
        let contact = accepted(&answer["createContact"], "contact")?;
        Ok(Made {
            id: text("CreateContact", &contact["id"])?,
            account: contact["accounts"][0]["account"]["id"]
                .as_str()
                .map(str::to_owned),
        })
    }

    async fn create_account(&self, name: &str) -> Result<String, Stop> {
        let input = json!({"name": name, "kind": "COMPANY"});
        let answer = self
            .client
            .ask("CreateAccount", CREATE_ACCOUNT, json!({"input": input}))
            .await?;
        Ok(text(
            "CreateAccount",
            &accepted(&answer["createAccount"], "account")?["id"],
        )?)
    }

    async fn deactivate(&self, contact: &str) -> Result<(), DemoError> {
        let input = json!({"id": contact, "active": false});
        let answer = self
            .client
            .ask("SetActive", SET_ACTIVE, json!({"input": input}))
            .await?;
        match accepted(&answer["setContactActive"], "contact") {
            Ok(_) => Ok(()),
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Refused(refusal)) => Err(crate::client::unexpected("SetActive", refusal.code)),
        }
    }

    fn cell(&self, company: &str) -> Arc<OnceCell<String>> {
        let mut companies = self.companies.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(companies.entry(company.to_lowercase()).or_default())
    }
}

struct Made {
    id: String,
    account: Option<String>,
}

/// Why an input went no further: it was refused, which is counted, or something failed, which ends the run.
enum Stop {
    Refused(Refusal),
    Failed(DemoError),
}

impl From<DemoError> for Stop {
    fn from(error: DemoError) -> Self {
        Self::Failed(error)
    }
}

fn unexpected(what: &str) -> Stop {
    Stop::Failed(crate::client::unexpected("CreateContact", what))
}

fn outcome(result: Result<Outcome, Stop>) -> Result<Outcome, DemoError> {
    match result {
        Ok(outcome) => Ok(outcome),
        Err(Stop::Refused(Refusal { code, field })) => Ok(Outcome::Refused(format!("{code} {field}"))),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// A number that is none stays readable in the notes.
fn notes(person: &Person, phone: Option<&str>) -> Option<String> {
    match (&person.phone, phone) {
        (Some(number), None) => Some(format!(
            "{}\nNumber: {number}",
            person.notes.as_deref().unwrap_or_default()
        )),
        _ => person.notes.clone(),
    }
}

/// The object of a payload, or the first refusal that does not concern the phone number, which can be mended.
fn accepted<'a>(payload: &'a Value, object: &str) -> Result<&'a Value, Stop> {
    let errors = payload["userErrors"].as_array().map_or(&[][..], Vec::as_slice);
    let weightier = errors
        .iter()
        .find(|error| error["field"][0] != "phone")
        .or(errors.first());
    let Some(error) = weightier else {
        return Ok(&payload[object]);
    };
    let path = error["field"].as_array().map_or(&[][..], Vec::as_slice);
    Err(Stop::Refused(Refusal {
        code: error["code"].as_str().unwrap_or("?").to_owned(),
        field: path
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("."),
    }))
}
