//! Addresses that change, that take no mail, and that answers go to.

use usher_events::{AddressStateChanged, ContactFacts, Envelope, InvitationFact};
use usher_testkit::dialects;
use usher_types::{ContactRole, EmailState, PortalStatus, Version};

use crate::stage::{ADMIN, PASSWORD, Stage, codes, noon};

dialects! {
    async fn i6_a_changed_address_gets_a_new_invitation(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let first = stage.token_of(&ada).await;
        stage.act("RESEND", &[&ada]).await;
        let second = stage.token_of(&ada).await;
        ada.email = Some("Ada@birch.example".into());
        ada.email_canonical = Some("ada@birch.example".into());
        stage.tell(&mut ada).await;
        let letters = stage.letters().await;
        assert_eq!(letters.len(), 3);
        assert_eq!(letters[2].0.email, "Ada@birch.example");
        assert_eq!(letters[2].0.generation, 3);
        for old in [&first, &second] {
            assert_eq!(stage.landing(old).await.state, "INVALID");
        }
        let landing = stage.landing(&letters[2].1).await;
        assert_eq!((landing.state.as_str(), landing.masked_email.as_deref()), ("OPEN", Some("A…@birch.example")));
        let facts: Vec<_> = stage.facts_of(&ada).await.iter().map(|event| event.fact).collect();
        assert_eq!(facts, [InvitationFact::Issued, InvitationFact::Resent, InvitationFact::Resent]);
        assert_eq!(stage.facts_of(&ada).await[2].portal.invited_by.as_deref(), Some("Administrator"));

        // the same news again asks for nothing; a bounced address ends the invitation instead
        let event = usher_events::ContactChanged { created: false, contact: ada.clone() };
        stage.workshop.hear(&[Envelope::event("contacts", noon(), &event)]).await.unwrap();
        assert_eq!(stage.letters().await.len(), 3);
        stage.address("dead@birch.example", EmailState::Bounced, 1).await;
        ada.email = Some("dead@birch.example".into());
        ada.email_canonical = Some("dead@birch.example".into());
        stage.tell(&mut ada).await;
        assert_eq!(stage.letters().await.len(), 3);
        assert_eq!(stage.landing(&letters[2].1).await.state, "INVALID");
        assert_eq!(stage.facts_of(&ada).await[3].portal.status, PortalStatus::Waiting);
    }

    /// The batch learns of the new address before the news comes: the old links are dead all the same.
    async fn i6_a_resend_that_sees_the_new_address_first_kills_the_old_links(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        stage.act("RESEND", &[&ada]).await;
        ada.version = ada.version.next();
        ada.email = Some("ada@birch.example".into());
        ada.email_canonical = Some("ada@birch.example".into());
        stage.contacts.put(&ada);
        stage.act("RESEND", &[&ada]).await;
        let event = usher_events::ContactChanged { created: false, contact: ada.clone() };
        stage.workshop.hear(&[Envelope::event("contacts", noon(), &event)]).await.unwrap();
        let letters = stage.letters().await;
        assert_eq!(letters.len(), 3);
        for (letter, token) in &letters[..2] {
            assert_eq!(stage.landing(token).await.state, "INVALID", "{}", letter.generation);
        }
        assert_eq!(stage.landing(&letters[2].1).await.state, "OPEN");
        assert_eq!(letters[2].0.email, "ada@birch.example");
    }

    /// Whoever reads the old mailbox learns nothing of what is sent later: the superseded link is as dead as the newest.
    async fn i6_every_link_is_dead_once_the_invitation_is_over(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.address("dead@birch.example", EmailState::Bounced, 1).await;
        stage.address("never@birch.example", EmailState::Suppressed, 1).await;
        let endings: [Ending; 8] = [
            ("bounced", |facts| moves_to(facts, "dead@birch.example")),
            ("suppressed", |facts| moves_to(facts, "never@birch.example")),
            ("duplicate", |facts| {
                moves_to(facts, "office@birch.example");
                facts.email_duplicate = true;
            }),
            ("malformed", |facts| {
                (facts.email, facts.email_canonical) = (Some("ada at birch".into()), None);
                facts.email_state = EmailState::Invalid;
            }),
            ("removed", |facts| {
                (facts.email, facts.email_canonical) = (None, None);
                facts.email_state = EmailState::None;
            }),
            ("inactive", |facts| facts.active = false),
            ("lead", |facts| facts.role = ContactRole::Lead),
            ("last login off", |facts| facts.links = 1),
        ];
        for (cause, change) in endings {
            let mut ada = stage.clients(1).remove(0);
            let before = ada.clone();
            let [first, second] = stage.two_links(&ada).await;
            change(&mut ada);
            stage.tell(&mut ada).await;
            assert_eq!(stage.states([&first, &second]).await, ["INVALID", "INVALID"], "{cause}");
            // and an invitation that goes out after the cause is gone does not wake them
            ada = ContactFacts { version: ada.version, ..before };
            stage.tell(&mut ada).await;
            stage.act("SEND", &[&ada]).await;
            let third = stage.token_of(&ada).await;
            assert_eq!(stage.states([&first, &second]).await, ["INVALID", "INVALID"], "{cause}");
            assert_eq!(stage.landing(&third).await.state, "OPEN", "{cause}");
        }
        let ada = stage.clients(1).remove(0);
        let [first, second] = stage.two_links(&ada).await;
        assert_eq!(stage.states([&first, &second]).await, ["SUPERSEDED", "OPEN"]);
        stage.act("CANCEL", &[&ada]).await;
        assert_eq!(stage.states([&first, &second]).await, ["INVALID", "INVALID"]);
    }

    async fn n5_answers_go_to_the_inviter_or_to_the_set_address(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        // also where the news of another address sends the mail, twice
        for email in ["ada@birch.example", "lovelace@birch.example"] {
            ada.email = Some(email.into());
            ada.email_canonical = Some(email.into());
            stage.tell(&mut ada).await;
        }
        stage.run("UPDATE organization SET reply_to = $1", ["office@birch.example".into()]).await;
        stage.act("RESEND", &[&ada]).await;
        let commands = stage.spoken().await;
        let deliveries = commands.iter().filter(|envelope| envelope.kind == "usher.work.deliver.v1");
        let reply_to: Vec<_> = deliveries
            .map(|envelope| envelope.decode::<usher_events::Deliver>().unwrap().mailing)
            .map(|mailing| (mailing.invited_by, mailing.reply_to))
            .collect();
        let administrator = Some("Administrator".to_owned());
        let expected = [ADMIN, ADMIN, ADMIN, "office@birch.example"];
        assert_eq!(reply_to, expected.map(|address| (administrator.clone(), Some(address.to_owned()))));
    }

    async fn i6_whoever_is_in_keeps_signing_in_with_the_old_address(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        let old = ada.email.clone().unwrap();
        stage.let_in(&ada, true).await;
        ada.email = Some("ada@birch.example".into());
        ada.email_canonical = Some("ada@birch.example".into());
        stage.tell(&mut ada).await;
        assert_eq!(stage.letters().await.len(), 1);
        assert_eq!(codes(&stage.sign_in("ada@birch.example", PASSWORD).await.refusals), ["BAD_CREDENTIALS"]);
        stage.signed_in(&old, PASSWORD).await;
    }

    async fn i3_addresses_that_take_no_mail_are_left_out(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(3);
        let address = |index: usize| people[index].email_canonical.clone().unwrap();
        stage.address(&address(0), EmailState::Bounced, 1).await;
        stage.address(&address(1), EmailState::Suppressed, 1).await;
        stage.address(&address(2), EmailState::Bounced, 1).await;
        stage.address(&address(2), EmailState::Valid, 2).await;
        stage.address(&address(2), EmailState::Bounced, 1).await;
        let batch = stage.act("SEND", &people.iter().collect::<Vec<_>>()).await;
        let reasons: Vec<_> = batch.skipped.iter().map(|group| (group.reason.as_str(), group.count)).collect();
        assert_eq!(reasons, [("EMAIL_SUPPRESSED", 1), ("EMAIL_BOUNCED", 1)]);
        assert_eq!(batch.queued, 1);
    }
}

type Ending = (&'static str, fn(&mut ContactFacts));

fn moves_to(facts: &mut ContactFacts, email: &str) {
    facts.email = Some(email.into());
    facts.email_canonical = Some(email.into());
}

impl Stage {
    /// Invites and invites again.
    async fn two_links(&self, contact: &ContactFacts) -> [String; 2] {
        self.act("SEND", &[contact]).await;
        let first = self.token_of(contact).await;
        self.act("RESEND", &[contact]).await;
        [first, self.token_of(contact).await]
    }

    async fn states(&self, tokens: [&str; 2]) -> [String; 2] {
        [
            self.landing(tokens[0]).await.state,
            self.landing(tokens[1]).await.state,
        ]
    }

    pub async fn address(&self, canonical: &str, state: EmailState, version: i64) {
        let event = AddressStateChanged {
            organization_id: self.organization,
            email_canonical: canonical.into(),
            state,
            version: Version::from_raw(version),
            contact_id: None,
        };
        let envelope = Envelope::event("notifications", noon(), &event);
        self.workshop.hear(&[envelope]).await.unwrap();
    }
}
