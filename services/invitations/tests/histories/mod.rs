//! Random histories of a contact end where the pure model does (I21), whatever is redelivered, late or out of order.

mod model;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use sea_orm::ConnectionTrait;
use usher_database::{Scope, SystemReason};
use usher_events::{ContactChanged, ContactFacts, Envelope};
use usher_testkit::dialects;
use usher_types::{ContactRole, EmailState, InvitationAction, LinkState};

use crate::stage::{PASSWORD, Stage, codes, noon, request};
use model::Model;

/// So many histories on each database.
const HISTORIES: u32 = 16;

/// Something that happens to a contact, or to what is heard of one.
#[derive(Clone, Debug)]
enum Happening {
    Invite(InvitationAction),
    /// Behind one of the links that went out so far.
    Accept(usize),
    /// "This isn't me", behind one of them.
    Decline(usize),
    SignIn,
    /// The contact changes, and the service hears of it at once.
    Change(Change),
    /// The contact changes, and the news is still on its way.
    Unheard(Change),
    /// What is on its way arrives, all at once and in order.
    Deliver,
    /// Two changes, of which the newer arrives first.
    Crossed(Change, Change),
    /// A message that was handled comes once more.
    Again(usize),
    /// An old state of the contact is published once more.
    Stale(usize),
    /// Notifications says this of the address that the contact has.
    Address(EmailState),
    Portal(bool),
    Hours(i64),
    Sweep,
}

/// A change of the contact.
#[derive(Clone, Debug)]
enum Change {
    Address(u8),
    NoAddress,
    Malformed,
    Duplicate(bool),
    Active(bool),
    Role(ContactRole),
    Links(i64, i64),
    /// What is left of a contact whose personal data was removed (C4).
    Erased,
}

impl Change {
    fn apply(&self, facts: &mut ContactFacts) {
        match *self {
            Self::Address(number) => {
                let address = format!("{number}-{}@birch.example", facts.id);
                facts.email = Some(address.to_uppercase());
                facts.email_canonical = Some(address);
                facts.email_state = EmailState::Valid;
            }
            Self::NoAddress => {
                (facts.email, facts.email_canonical) = (None, None);
                facts.email_state = EmailState::None;
            }
            Self::Malformed => {
                (facts.email, facts.email_canonical) = (Some("ada at birch".into()), None);
                facts.email_state = EmailState::Invalid;
            }
            Self::Duplicate(duplicate) => facts.email_duplicate = duplicate,
            Self::Active(active) => facts.active = active,
            Self::Role(role) => facts.role = role,
            Self::Erased => {
                (facts.email, facts.email_canonical) = (None, None);
                facts.email_state = EmailState::None;
                facts.active = false;
                facts.first_name.clear();
                facts.last_name.clear();
                (facts.locale, facts.time_zone) = (None, None);
            }
            Self::Links(links, with_login) => (facts.links, facts.links_with_login) = (links, with_login),
        }
    }
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0_u8..3).prop_map(Change::Address),
        1 => Just(Change::NoAddress),
        1 => Just(Change::Malformed),
        1 => Just(Change::Erased),
        1 => prop::bool::weighted(0.3).prop_map(Change::Duplicate),
        3 => prop::bool::weighted(0.75).prop_map(Change::Active),
        2 => prop_oneof![
            1 => Just(ContactRole::Lead),
            1 => Just(ContactRole::Prospect),
            2 => Just(ContactRole::Client)
        ]
        .prop_map(Change::Role),
        2 => prop_oneof![2 => Just((0, 0)), 1 => Just((1, 0)), 1 => Just((1, 1)), 1 => Just((2, 1))]
            .prop_map(|(links, with_login)| Change::Links(links, with_login)),
    ]
}

fn happening() -> impl Strategy<Value = Happening> {
    use InvitationAction::{Cancel, Resend, Send};
    prop_oneof![
        9 => prop_oneof![3 => Just(Send), 4 => Just(Resend), 1 => Just(Cancel)].prop_map(Happening::Invite),
        3 => prop_oneof![3 => Just(0_usize), 1 => Just(1), 1 => Just(2)].prop_map(Happening::Accept),
        1 => prop_oneof![3 => Just(0_usize), 1 => Just(1)].prop_map(Happening::Decline),
        2 => Just(Happening::SignIn),
        4 => change().prop_map(Happening::Change),
        2 => change().prop_map(Happening::Unheard),
        2 => Just(Happening::Deliver),
        1 => (change(), change()).prop_map(|(one, two)| Happening::Crossed(one, two)),
        1 => (0_usize..9).prop_map(Happening::Again),
        1 => (0_usize..9).prop_map(Happening::Stale),
        1 => prop_oneof![Just(EmailState::Bounced), Just(EmailState::Valid), Just(EmailState::Suppressed)]
            .prop_map(Happening::Address),
        1 => prop::bool::weighted(0.7).prop_map(Happening::Portal),
        2 => prop_oneof![Just(1), Just(100), Just(169)].prop_map(Happening::Hours),
        1 => Just(Happening::Sweep),
    ]
}

dialects! {
    async fn i21_random_histories_end_where_the_model_does(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let config = Config { cases: HISTORIES, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
        let played = TestRunner::new(config).run(&vec(happening(), 1..40), |happenings| {
            let history = async { History::begin(&stage).await.play(&happenings).await };
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(history))
        });
        played.unwrap_or_else(|error| panic!("{error}"));
    }
}

/// One contact's history, as the service lives it and as the model does.
struct History<'a> {
    stage: &'a Stage,
    model: Model,
    /// As contacts has them.
    facts: ContactFacts,
    /// Every state that was published, oldest first.
    published: Vec<Envelope>,
    /// Of those, what has not arrived.
    under_way: Vec<Envelope>,
    address_version: i64,
}

impl<'a> History<'a> {
    async fn begin(stage: &'a Stage) -> Self {
        stage.portal(true).await;
        let facts = stage.clients(1).remove(0);
        let model = Model::new(&facts, usher_types::Clock::now(stage.clock.as_ref()));
        let mut history = Self {
            stage,
            model,
            facts,
            published: Vec::new(),
            under_way: Vec::new(),
            address_version: 0,
        };
        history.change(&[Change::Active(true)]);
        history.deliver().await;
        history
    }

    async fn play(mut self, happenings: &[Happening]) -> Result<(), TestCaseError> {
        for happening in happenings {
            self.happen(happening).await?;
        }
        self.deliver().await;
        self.agrees().await
    }

    async fn happen(&mut self, happening: &Happening) -> Result<(), TestCaseError> {
        match happening {
            Happening::Invite(action) => self.invite(*action).await?,
            Happening::Accept(link) => self.accept(*link).await?,
            Happening::Decline(link) => self.decline(*link).await?,
            Happening::SignIn => self.sign_in().await?,
            Happening::Change(change) => {
                self.change(std::slice::from_ref(change));
                self.deliver().await;
            }
            Happening::Unheard(change) => self.change(std::slice::from_ref(change)),
            Happening::Deliver => self.deliver().await,
            Happening::Crossed(one, two) => {
                self.deliver().await;
                self.change(&[one.clone(), two.clone()]);
                while let Some(newest) = self.under_way.pop() {
                    self.hear(vec![newest]).await;
                }
            }
            Happening::Again(which) => {
                let heard = self.published.len() - self.under_way.len();
                self.hear(vec![self.published[which % heard].clone()]).await;
            }
            Happening::Stale(which) => {
                let heard = self.published.len() - self.under_way.len();
                let event: ContactChanged = self.published[which % heard].decode().unwrap();
                self.hear(vec![Envelope::event("contacts", noon(), &event)]).await;
            }
            Happening::Address(state) => self.address(*state).await,
            Happening::Portal(on) => {
                self.stage.portal(*on).await;
                self.model.portal = *on;
            }
            Happening::Hours(hours) => {
                let by = chrono::TimeDelta::hours(*hours);
                self.stage.advance(by);
                self.model.now += by;
            }
            Happening::Sweep => {
                self.stage.workshop.sweep().await.unwrap();
                self.model.sweep();
            }
        }
        Ok(())
    }

    fn change(&mut self, changes: &[Change]) {
        for change in changes {
            self.facts.version = self.facts.version.next();
            change.apply(&mut self.facts);
            let contact = self.facts.clone();
            let event = ContactChanged {
                created: false,
                contact,
            };
            let envelope = Envelope::event("contacts", noon(), &event);
            self.published.push(envelope.clone());
            self.under_way.push(envelope);
        }
        self.stage.contacts.put(&self.facts);
    }

    async fn deliver(&mut self) {
        let arriving = std::mem::take(&mut self.under_way);
        self.hear(arriving).await;
    }

    async fn hear(&mut self, news: Vec<Envelope>) {
        self.stage.workshop.hear(&news).await.unwrap();
        let facts = |envelope: &Envelope| envelope.decode::<ContactChanged>().unwrap().contact;
        self.model.hear(&news.iter().map(facts).collect::<Vec<_>>());
    }

    async fn address(&mut self, state: EmailState) {
        let Some(canonical) = self.facts.email_canonical.clone() else {
            return;
        };
        self.address_version += 1;
        let version = self.address_version;
        self.stage.address(&canonical, state, version).await;
        self.model.addresses.insert(canonical, state);
    }

    async fn invite(&mut self, action: InvitationAction) -> Result<(), TestCaseError> {
        let reply = self.stage.start(request(action.as_str(), &[&self.facts])).await;
        let expected = self.model.invite(action, &self.facts);
        let refused = codes(&reply.refusals);
        prop_assert_eq!(refused, Vec::from_iter(expected.err()), "{}", action);
        Ok(())
    }

    async fn accept(&mut self, link: usize) -> Result<(), TestCaseError> {
        let tokens = self.tokens().await;
        let Some(token) = tokens.iter().rev().nth(link) else {
            return Ok(());
        };
        let reply = self.stage.accept(token, PASSWORD).await;
        let expected = self.model.accept(tokens.len() - 1 - link);
        prop_assert_eq!(codes(&reply.refusals), Vec::from_iter(expected.err()));
        Ok(())
    }

    async fn decline(&mut self, link: usize) -> Result<(), TestCaseError> {
        let tokens = self.tokens().await;
        let Some(token) = tokens.iter().rev().nth(link) else {
            return Ok(());
        };
        let refused = self.stage.decline(token).await;
        let expected = self.model.decline(tokens.len() - 1 - link);
        prop_assert_eq!(refused, Vec::from_iter(expected.err()));
        Ok(())
    }

    async fn sign_in(&mut self) -> Result<(), TestCaseError> {
        let address = self.model.access.address.clone();
        let address = address.unwrap_or_else(|| "nobody@birch.example".to_owned());
        let reply = self.stage.sign_in(&address, PASSWORD).await;
        // waits are another rule's
        self.stage.run("DELETE FROM sign_in_failure", []).await;
        prop_assert_eq!(reply.session.is_some(), self.model.sign_in());
        Ok(())
    }

    /// The tokens that went out, oldest first.
    async fn tokens(&self) -> Vec<String> {
        let letters = self.stage.letters().await;
        let ours = letters
            .into_iter()
            .filter(|(letter, _)| letter.contact_id == Some(self.facts.id));
        ours.map(|(_, token)| token).collect()
    }

    /// Row, links and sign-in are as the model has them.
    async fn agrees(mut self) -> Result<(), TestCaseError> {
        let access = self.model.access.clone();
        let tx = self
            .stage
            .database
            .read(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        let sql = "SELECT status, version, generation, address FROM portal_access WHERE contact_id = $1";
        let row = tx
            .query_one_raw(tx.statement(sql, [self.facts.id.uuid().into()]))
            .await
            .unwrap()
            .unwrap();
        drop(tx);
        let stands = (
            row.try_get_by_index::<String>(0).unwrap(),
            row.try_get_by_index::<i64>(1).unwrap(),
            row.try_get_by_index::<i64>(2).unwrap(),
            row.try_get_by_index::<Option<String>>(3).unwrap(),
        );
        let (status, version) = (access.status.as_str().to_owned(), access.version.raw());
        prop_assert_eq!(stands, (status, version, access.generation, access.address));
        let mut worth = Vec::new();
        for token in self.tokens().await {
            worth.push(
                self.stage
                    .landing(&token)
                    .await
                    .state
                    .parse::<LinkState>()
                    .unwrap(),
            );
        }
        prop_assert_eq!(worth, self.model.links());
        self.sign_in().await
    }
}
