//! Forgotten passwords: who gets which mail, and what the link is good for.

use chrono::TimeDelta;
use futures::future::join_all;
use sea_orm::ConnectionTrait;
use usher_database::{Dialect, Scope, SystemReason};
use usher_events::{Letter, MailKind, MessageOutcome};
use usher_proto::bytes_of;
use usher_proto::invitations::v1::recovery_client::RecoveryClient;
use usher_proto::invitations::v1::{
    GetOrganizationRequest, Landing, LinkRequest, RefreshSessionRequest, RequestPasswordResetRequest,
    ResetPasswordReply, ResetPasswordRequest, SendPasswordResetRequest,
};
use usher_service::PeerChannel;
use usher_service::grpc::Bearer;
use usher_testkit::dialects;
use usher_types::ContactId;

use crate::stage::{ADMIN, PASSWORD, Stage, codes, noon};

const OTHER: &str = "walnut saddle compass";

dialects! {
    async fn i12_the_holder_chooses_another_password_and_everybody_is_signed_out(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let email = ada.email.as_deref().unwrap();
        for sign_in in [false, true] {
            if sign_in {
                stage.signed_in(email, OTHER).await;
            } else {
                stage.let_in(&ada, false).await;
            }
            let password = if sign_in { PASSWORD } else { OTHER };
            stage.forgot(email).await;
            let (letter, token) = stage.letters_of(MailKind::PasswordReset).await.pop().unwrap();
            assert_eq!((letter.email.as_str(), letter.contact_id), (email, None));
            assert_eq!(letter.expires_at, noon() + TimeDelta::hours(1));
            // looking changes nothing
            for _ in 0..2 {
                let landing = stage.reset_page(&token).await;
                assert_eq!((landing.state.as_str(), landing.organization_name.as_deref()), ("OPEN", Some("Birch & Partners")));
                assert_eq!(landing.masked_email.as_deref(), Some("c…@example.com"));
            }
            for (wrong, code) in [("short", "PASSWORD_TOO_SHORT"), ("Birch&Partners 2026", "PASSWORD_GUESSABLE")] {
                assert_eq!(codes(&stage.reset(&token, wrong).await.refusals), [code]);
            }
            assert!(stage.reset(&token, password).await.accepted);
            assert_eq!(stage.reset_page(&token).await, invalid());
            assert_eq!(codes(&stage.reset(&token, password).await.refusals), ["LINK_INVALID"]);
        }
        let session = stage.sign_in(email, PASSWORD).await.session.unwrap();
        let bearer = Bearer::new(&session.access_token).unwrap();
        assert_eq!(codes(&stage.sign_in(email, OTHER).await.refusals), ["BAD_CREDENTIALS"]);
        stage.forgot(email).await;
        let token = stage.newest_reset().await;
        assert!(stage.reset(&token, OTHER).await.accepted);
        stage.is_refused(&bearer).await;
        let refresh = RefreshSessionRequest { refresh_token: session.refresh_token.unwrap() };
        let refreshed = stage.sessions().refresh_session(refresh).await.unwrap().into_inner();
        assert_eq!(codes(&refreshed.refusals), ["SESSION_ENDED"]);
        stage.signed_in(email, OTHER).await;

        let notices = stage.letters_of(MailKind::PasswordChanged).await;
        let told: Vec<_> = notices.iter().map(|(notice, token)| (notice.email.as_str(), token.as_str())).collect();
        assert_eq!(told, [(email, ""); 3]);
        for (action, count) in [("password_reset.sent", 3), ("password.changed", 3)] {
            let lines = format!("SELECT count(*) FROM activity WHERE action = '{action}' AND contact_id IS NOT NULL");
            assert_eq!(stage.number(&lines).await, count);
        }
    }

    async fn i12_whoever_has_no_password_yet_gets_a_fresh_invitation(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let email = ada.email.as_deref().unwrap();
        stage.act("SEND", &[&ada]).await;
        let first = stage.token_of(&ada).await;
        stage.forgot(email).await;
        let second = stage.token_of(&ada).await;
        assert_eq!(stage.landing(&first).await.state, "SUPERSEDED");
        assert_eq!(stage.landing(&second).await.state, "OPEN");
        // EXPIRED
        stage.advance(TimeDelta::days(8));
        stage.forgot(&email.to_uppercase()).await;
        let third = stage.token_of(&ada).await;
        assert_eq!(stage.landing(&second).await.state, "SUPERSEDED");
        let facts = stage.facts_of(&ada).await;
        assert_eq!(facts.last().unwrap().portal.expires_at, Some(noon() + TimeDelta::days(15)));
        // it stays the invitation of whoever had sent the first one
        assert!(facts.iter().all(|event| event.portal.invited_by == facts[0].portal.invited_by));
        assert!(stage.accept(&third, PASSWORD).await.accepted);
        assert_eq!(stage.letters_of(MailKind::PasswordReset).await, []);
        assert_eq!(stage.letters().await.len(), 3);
    }

    async fn i12_the_others_get_nothing_and_the_answer_is_the_same(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        // waits, inactive, a lead, without login, suppressed, in order
        let mut clients = stage.clients(6);
        for contact in &clients[1..] {
            stage.let_in(contact, true).await;
        }
        clients[1].active = false;
        clients[2].role = usher_types::ContactRole::Lead;
        clients[3].links = 1;
        for contact in &mut clients[..4] {
            stage.tell(contact).await;
        }
        stage.suppressed(clients[4].email.as_deref().unwrap()).await;
        let before = stage.letters_of(MailKind::Invitation).await.len();
        let addresses = clients[..5].iter().filter_map(|contact| contact.email.as_deref());
        for email in addresses.chain(["nobody@example.com", "no address", "", "a\0b@example.com"]) {
            stage.forgot(email).await;
        }
        stage.portal(false).await;
        // in order but for the switch
        stage.forgot(clients[5].email.as_deref().unwrap()).await;
        assert_eq!(stage.letters_of(MailKind::PasswordReset).await, []);
        assert_eq!(stage.letters_of(MailKind::Invitation).await.len(), before);
    }

    /// She has left the address, and whoever is invited there reads it now.
    async fn i12_whoever_is_invited_at_an_address_comes_before_whoever_has_left_it(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        let shared = ada.email.clone().unwrap();
        stage.let_in(&ada, true).await;
        (ada.email, ada.email_canonical) = (Some("ada@birch.example".into()), Some("ada@birch.example".into()));
        stage.tell(&mut ada).await;
        // while nobody else has it, it is hers: she has not confirmed the other
        stage.forgot(&shared).await;
        assert_eq!(stage.letters_of(MailKind::PasswordReset).await.len(), 1);
        let bob = stage.person(&shared);
        stage.contacts.put(&bob);
        stage.act("SEND", &[&bob]).await;
        stage.forgot(&shared).await;
        assert_eq!(stage.letters_of(MailKind::PasswordReset).await.len(), 1);
        let to: Vec<ContactId> = stage.letters().await.into_iter().filter_map(|(letter, _)| letter.contact_id).collect();
        assert_eq!(to, [ada.id, bob.id, bob.id]);
    }

    async fn i12_the_newer_link_kills_the_older_and_lives_an_hour(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let email = ada.email.as_deref().unwrap();
        stage.let_in(&ada, true).await;
        stage.forgot(email).await;
        let older = stage.newest_reset().await;
        stage.advance(TimeDelta::minutes(30));
        stage.forgot(email).await;
        let newer = stage.newest_reset().await;
        let page = stage.reset_page(&older).await;
        assert_eq!((page.state.as_str(), page.newest_sent_at.unwrap().seconds), ("SUPERSEDED", (noon() + TimeDelta::minutes(30)).timestamp()));
        assert_eq!(codes(&stage.reset(&older, OTHER).await.refusals), ["LINK_SUPERSEDED"]);
        // a link is good for its own purpose alone (I9)
        assert_eq!(stage.landing(&newer).await.state, "INVALID");
        assert_eq!(codes(&stage.accept(&newer, OTHER).await.refusals), ["LINK_INVALID"]);
        stage.advance(TimeDelta::hours(1) - TimeDelta::seconds(1));
        assert_eq!(stage.reset_page(&newer).await.state, "OPEN");
        stage.advance(TimeDelta::seconds(1));
        assert_eq!(stage.reset_page(&newer).await.state, "EXPIRED");
        assert_eq!(codes(&stage.reset(&newer, OTHER).await.refusals), ["LINK_EXPIRED"]);
        stage.signed_in(email, PASSWORD).await;
        stage.advance(TimeDelta::days(32));
        stage.workshop.sweep().await.unwrap();
        assert_eq!(stage.number("SELECT (SELECT count(*) FROM password_reset) + (SELECT count(*) FROM request_budget)").await, 0);
    }

    async fn i12_a_reset_of_whoever_is_barred_does_nothing(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        let email = ada.email.clone().unwrap();
        stage.let_in(&ada, true).await;
        stage.forgot(&email).await;
        let token = stage.newest_reset().await;
        stage.portal(false).await;
        assert_eq!((stage.reset_page(&token).await, codes(&stage.reset(&token, OTHER).await.refusals)), (invalid(), vec!["LINK_INVALID"]));
        stage.portal(true).await;
        ada.active = false;
        stage.tell(&mut ada).await;
        assert_eq!((stage.reset_page(&token).await, codes(&stage.reset(&token, OTHER).await.refusals)), (invalid(), vec!["LINK_INVALID"]));
        ada.active = true;
        stage.tell(&mut ada).await;
        stage.signed_in(&email, PASSWORD).await;
        assert_eq!(stage.reset_page(&token).await.state, "OPEN");
        assert_eq!(stage.letters_of(MailKind::PasswordChanged).await, []);
    }

    async fn i11_after_a_hundred_failures_a_reset_opens_the_address(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let email = ada.email.as_deref().unwrap();
        stage.let_in(&ada, true).await;
        stage.sign_in(email, "not the password").await;
        stage.run("UPDATE sign_in_failure SET count = 100", []).await;
        stage.advance(TimeDelta::hours(2));
        assert_eq!(codes(&stage.sign_in(email, PASSWORD).await.refusals), ["LOCKED_OUT"]);
        stage.forgot(email).await;
        assert!(stage.reset(&stage.newest_reset().await, OTHER).await.accepted);
        stage.signed_in(email, OTHER).await;
    }

    async fn i11_requests_beyond_the_budget_are_answered_as_always(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let email = ada.email.as_deref().unwrap();
        stage.let_in(&ada, true).await;
        let sent = async || stage.letters_of(MailKind::PasswordReset).await.len();
        for source in 0..7 {
            stage.forgot_from(email, &format!("192.0.2.{source}")).await;
        }
        assert_eq!(sent().await, 5);
        stage.advance(TimeDelta::hours(1));
        stage.forgot(email).await;
        assert_eq!(sent().await, 6);
        // whoever asks too much from one place does not use up what others may ask
        stage.run("UPDATE request_budget SET count = 50 WHERE count = 1", []).await;
        stage.run("DELETE FROM request_budget WHERE count < 50", []).await;
        for _ in 0..3 {
            stage.forgot(email).await;
        }
        assert_eq!(sent().await, 6);
        stage.run("DELETE FROM request_budget", []).await;
        stage.forgot_from(email, "192.0.2.200").await;
        assert_eq!(sent().await, 7);
    }

    async fn i12_members_with_a_password_likewise(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        // a contact has the member's address: two people, two sign-ins, two mails
        let twin = stage.person(ADMIN);
        stage.contacts.put(&twin);
        stage.let_in(&twin, false).await;
        stage.forgot(ADMIN).await;
        assert_eq!(stage.letters_of(MailKind::PasswordReset).await.len(), 1);
        let (letter, token) = stage.letters_of(MailKind::MemberPasswordReset).await.pop().unwrap();
        assert_eq!(letter.email, ADMIN);
        assert!(stage.reset(&token, OTHER).await.accepted);
        stage.is_refused(&stage.admin).await;
        stage.signed_in(ADMIN, OTHER).await;
        stage.run("UPDATE member SET active = (1 = 0)", []).await;
        stage.forgot(ADMIN).await;
        assert_eq!(stage.letters_of(MailKind::MemberPasswordReset).await.len(), 1);
    }

    async fn i12_of_many_who_reset_one_does(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.let_in(&ada, false).await;
        stage.forgot(ada.email.as_deref().unwrap()).await;
        let token = stage.newest_reset().await;
        let replies = join_all((0..6).map(|_| stage.reset(&token, OTHER))).await;
        assert_eq!(replies.iter().filter(|reply| reply.accepted).count(), 1, "{replies:?}");
        assert_eq!(stage.letters_of(MailKind::PasswordChanged).await.len(), 1);
    }

    async fn i12_a_member_starts_a_reset_and_neither_sees_nor_sets_a_password(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let [ada, invited, waiting] = &stage.clients(3)[..] else { panic!("three") };
        stage.let_in(ada, true).await;
        stage.act("SEND", &[invited]).await;
        assert_eq!(stage.send_reset(&stage.admin, ada.id).await, Ok(vec![]));
        assert!(stage.reset(&stage.newest_reset().await, OTHER).await.accepted);
        let line = "SELECT count(*) FROM activity WHERE action = 'password_reset.sent' AND actor_kind = 'member'";
        assert_eq!(stage.number(line).await, 1);
        for contact in [invited, waiting] {
            let refused = stage.send_reset(&stage.admin, contact.id).await;
            let expected = if contact.id == invited.id { "NOT_ALLOWED" } else { "NOT_FOUND" };
            assert_eq!(refused, Ok(vec![expected.to_owned()]));
        }
        let without = stage.member_with(&["contacts.read"]).await;
        assert_eq!(stage.send_reset(&without, ada.id).await, Err(tonic::Code::PermissionDenied));
        stage.portal(false).await;
        assert_eq!(stage.send_reset(&stage.admin, ada.id).await, Ok(vec!["NOT_ALLOWED".to_owned()]));
        let other = stage.another_firm().await;
        // as often as another firm may guess, it does not use up what hers may ask
        for _ in 0..10 {
            assert_eq!(stage.send_reset(&other, ada.id).await, Ok(vec!["NOT_FOUND".to_owned()]));
        }
        stage.portal(true).await;
        assert_eq!(stage.send_reset(&stage.admin, ada.id).await, Ok(vec![]));
        assert_eq!(stage.letters_of(MailKind::PasswordReset).await.len(), 2);
    }

    async fn i9_no_token_and_no_password_is_stored(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.let_in(&ada, false).await;
        stage.forgot(ada.email.as_deref().unwrap()).await;
        let token = stage.newest_reset().await;
        let invited = stage.letters().await.remove(0).1;
        for secret in [token.as_str(), &invited, PASSWORD] {
            assert_eq!(stage.rows_with(secret).await, Vec::<String>::new());
        }
        // the search finds what is there
        assert_ne!(stage.rows_with("Lovelace").await, Vec::<String>::new());
        let sent: Vec<Letter> = stage.letters_of(MailKind::PasswordReset).await.into_iter().map(|(letter, _)| letter).collect();
        stage.mails(&sent, MessageOutcome::Sent).await;
        for envelope in stage.spoken().await {
            assert!(!envelope.data.to_string().contains(&token));
        }
        let hashed = "SELECT count(*) FROM password_reset WHERE length(token_hash) = 32";
        assert_eq!(stage.number(hashed).await, 1);
    }
}

fn invalid() -> Landing {
    Landing {
        state: "INVALID".into(),
        ..Landing::default()
    }
}

impl Stage {
    /// The tables of the service in which a text stands, as it is or in hexadecimal digits.
    async fn rows_with(&self, text: &str) -> Vec<String> {
        let dialect = self.database.dialect();
        let tables = match dialect {
            Dialect::Postgres => {
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'invitations' AND table_type = 'BASE TABLE'"
            }
            Dialect::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
        };
        let tx = self
            .database
            .read(Scope::System(SystemReason::Test))
            .await
            .unwrap();
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let mut found = Vec::new();
        for table in tx.query_all_raw(tx.statement(tables, [])).await.unwrap() {
            let table: String = table.try_get_by_index(0).unwrap();
            let sql = match dialect {
                Dialect::Postgres => format!(
                    "SELECT 1 FROM invitations.{table} AS r WHERE strpos(r::text, $1) > 0 OR strpos(r::text, $2) > 0 LIMIT 1"
                ),
                Dialect::Sqlite => {
                    let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                    let columns = tx.query_all_raw(tx.statement(columns, [])).await.unwrap();
                    let columns = columns
                        .iter()
                        .map(|row| row.try_get_by_index::<String>(0).unwrap());
                    let any = columns.map(|column| {
                        format!("instr(CAST(\"{column}\" AS TEXT), $1) > 0 OR instr(lower(hex(\"{column}\")), $2) > 0")
                    });
                    format!(
                        "SELECT 1 FROM {table} WHERE {} LIMIT 1",
                        any.collect::<Vec<_>>().join(" OR ")
                    )
                }
            };
            let row = tx
                .query_one_raw(tx.statement(sql, [text.into(), hex.as_str().into()]))
                .await;
            if row.unwrap().is_some() {
                found.push(table);
            }
        }
        found
    }

    pub fn recovery(&self) -> RecoveryClient<PeerChannel> {
        RecoveryClient::new(self.channel.clone())
    }

    pub async fn forgot(&self, email: &str) {
        self.forgot_from(email, "192.0.2.1").await;
    }

    /// The answer says nothing; the consumer does what there is to do.
    async fn forgot_from(&self, email: &str, source: &str) {
        let heard = self.spoken().await.len();
        let request = RequestPasswordResetRequest {
            email: email.into(),
            organization: None,
            source: source.into(),
        };
        self.recovery().request_password_reset(request).await.unwrap();
        let spoken = self.spoken().await;
        let wishes: Vec<_> = spoken[heard..]
            .iter()
            .filter(|envelope| envelope.kind == "usher.work.recover.v1")
            .cloned()
            .collect();
        self.workshop.hear(&wishes).await.unwrap();
    }

    async fn newest_reset(&self) -> String {
        self.letters_of(MailKind::PasswordReset).await.pop().unwrap().1
    }

    async fn reset_page(&self, token: &str) -> Landing {
        let request = LinkRequest { token: token.into() };
        let reply = self.recovery().get_password_reset(request).await;
        reply.unwrap().into_inner()
    }

    pub async fn reset(&self, token: &str, password: &str) -> ResetPasswordReply {
        let request = ResetPasswordRequest {
            token: token.into(),
            password: password.into(),
        };
        self.recovery()
            .reset_password(request)
            .await
            .unwrap()
            .into_inner()
    }

    async fn send_reset(&self, bearer: &Bearer, contact: ContactId) -> Result<Vec<String>, tonic::Code> {
        let request = bearer.on(SendPasswordResetRequest {
            contact_id: bytes_of(contact),
        });
        let reply = self.recovery().send_password_reset(request).await;
        let refusals = reply.map_err(|status| status.code())?.into_inner().refusals;
        Ok(refusals.into_iter().map(|refusal| refusal.code).collect())
    }

    /// Waits until this service has heard that the session is over, which takes less than a second.
    async fn is_refused(&self, bearer: &Bearer) {
        loop {
            let asked = bearer.on(GetOrganizationRequest {});
            match self.api().get_organization(asked).await {
                Err(status) if status.code() == tonic::Code::Unauthenticated => return,
                _ => tokio::task::yield_now().await,
            }
        }
    }

    /// News of notifications: the address gets no mail any more.
    pub async fn suppressed(&self, email: &str) {
        let event = usher_events::AddressStateChanged {
            organization_id: self.organization,
            email_canonical: email.into(),
            state: usher_types::EmailState::Suppressed,
            version: usher_types::Version::FIRST,
            contact_id: None,
        };
        let envelope = usher_events::Envelope::event("notifications", noon(), &event);
        self.workshop.hear(&[envelope]).await.unwrap();
    }
}
