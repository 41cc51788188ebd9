//! Whoever is in already is told of further accounts (I13).

use chrono::TimeDelta;
use tonic::Code;
use usher_events::{CancelMessages, Letter, MailKind, MessageOutcome};
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::contacts::v1::{ContactSelection, LinkedContacts};
use usher_proto::invitations::v1::{BatchGetRequest, CancelBatchRequest, StartBatchRequest};
use usher_proto::{bytes_of, timestamp};
use usher_testkit::dialects;
use usher_types::ContactId;

use crate::stage::{Stage, codes, figures, noon};

/// Inviting everybody whom a change of toggles at noon was about, or one of them.
fn linked(only: Option<ContactId>) -> StartBatchRequest {
    let linked = LinkedContacts {
        account_ids: Vec::new(),
        contact_id: only.map(bytes_of),
        except_contact_ids: Vec::new(),
        since: Some(timestamp(noon())),
    };
    StartBatchRequest {
        action: "SEND".into(),
        selection: Some(ContactSelection {
            of: Some(Of::Linked(linked)),
        }),
        message: Some("Welcome".into()),
        ..StartBatchRequest::default()
    }
}

impl Stage {
    async fn notices(&self) -> Vec<Letter> {
        let letters = self.letters_of(MailKind::AccountAccess).await;
        letters
            .into_iter()
            .map(|(letter, token)| {
                assert_eq!((letter.sealed_token.as_ref(), token.as_str()), (None, ""));
                letter
            })
            .collect()
    }
}

dialects! {
    async fn i13_who_waits_is_invited_and_who_is_in_is_told(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(4);
        stage.let_in(&people[1], true).await;
        stage.let_in(&people[2], false).await;
        stage.let_in(&people[3], false).await;
        for name in ["Engines Ltd", "Loom Trust"] {
            stage.contacts.open(people[1].id, name, noon());
        }
        stage.contacts.open(people[2].id, "Engines Ltd", noon());
        let before = stage.letters().await.len();
        let reply = stage.start(linked(None)).await;
        assert_eq!(codes(&reply.refusals), Vec::<&str>::new());
        let batch = reply.batch.unwrap();
        // eligible: one who waits and two who are told; nothing was opened to the last
        assert_eq!(figures(&batch), [1, 3, 0, 0, 0, 0]);
        assert_eq!(batch.skipped[0].reason, "ALREADY_ACTIVATED");
        let (letters, notices) = (stage.letters().await, stage.notices().await);
        assert_eq!((letters.len(), notices.len()), (before + 1, 2));
        let mut named: Vec<_> = notices.iter().map(|letter| (letter.email.as_str(), letter.accounts.as_deref().unwrap())).collect();
        named.sort_unstable();
        assert_eq!(named, [("client1@example.com", "Engines Ltd\nLoom Trust"), ("client2@example.com", "Engines Ltd")]);
        // such a mail is of no link's generation, so nothing that is sent later replaces it
        assert!(notices.iter().all(|letter| letter.contact_id.is_none()));
        let sent: Vec<Letter> = notices.iter().cloned().chain([letters.last().unwrap().0.clone()]).collect();
        stage.mails(&sent, MessageOutcome::Sent).await;
        let done = stage.batch(&batch.id).await;
        assert_eq!((figures(&done), done.state.as_str()), ([1, 0, 3, 0, 0, 0], "DONE"));
        // where the contact stands is not touched by it
        let request = BatchGetRequest { ids: vec![bytes_of(people[2].id)] };
        let access = stage.api().batch_get_portal_access(stage.admin.on(request)).await.unwrap().into_inner().access;
        assert_eq!(access[0].delivery.as_deref(), Some("QUEUED"));
        assert_eq!(stage.number("SELECT count(*) FROM portal_access WHERE status = 'ACCEPTED'").await, 2);
    }

    async fn i13_nobody_is_told_twice_of_one_switching_on(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(1);
        stage.let_in(&people[0], true).await;
        stage.contacts.open(people[0].id, "Engines Ltd", noon());
        assert_eq!(figures(&stage.start(linked(None)).await.batch.unwrap()), [0, 1, 0, 0, 0, 0]);
        assert_eq!(codes(&stage.start(linked(None)).await.refusals), ["NOBODY_ELIGIBLE"]);
        assert_eq!(stage.notices().await.len(), 1);
        // a further account is news, and the one before is not named again
        stage.contacts.open(people[0].id, "Loom Trust", noon());
        assert_eq!(figures(&stage.start(linked(None)).await.batch.unwrap()), [0, 1, 0, 0, 0, 0]);
        assert_eq!(stage.notices().await[1].accounts.as_deref(), Some("Loom Trust"));
        // what is remembered of it goes once it is no news any more
        stage.advance(TimeDelta::days(3));
        stage.workshop.sweep().await.unwrap();
        assert_eq!(stage.number("SELECT count(*) FROM account_told").await, 0);
    }

    async fn i13_a_cancelled_batch_takes_the_mail_back(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(2);
        stage.let_in(&people[0], true).await;
        stage.contacts.open(people[0].id, "Engines Ltd", noon());
        let batch = stage.start(linked(None)).await.batch.unwrap();
        let request = CancelBatchRequest { id: batch.id.clone() };
        stage.api().cancel_batch(stage.admin.on(request)).await.unwrap();
        stage.workshop.work().await.unwrap();
        let notice = stage.notices().await.remove(0);
        assert!(stage.notifications.taken_back().contains(&notice.invitation_id.uuid().as_bytes().to_vec()));
        let letters: Vec<Letter> = stage.letters().await.into_iter().map(|(letter, _)| letter).filter(|letter| letter.contact_id == Some(people[1].id)).collect();
        stage.mails(&[notice, letters[0].clone()], MessageOutcome::Cancelled).await;
        let cancelled = stage.batch(&batch.id).await;
        assert_eq!((figures(&cancelled), cancelled.state.as_str()), ([0, 0, 0, 0, 2, 0], "CANCELLED"));
    }

    async fn i13_nobody_who_has_lost_access_is_told_of_more(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut people = stage.clients(2);
        for contact in &people {
            stage.let_in(contact, true).await;
            stage.contacts.open(contact.id, "Engines Ltd", noon());
        }
        let batch = stage.start(linked(None)).await.batch.unwrap();
        people[0].active = false;
        stage.tell(&mut people[0]).await;
        let notices = stage.notices().await;
        let spoken = stage.spoken().await;
        let taken_back = spoken.iter().filter(|envelope| envelope.kind == "usher.work.cancel_messages.v1");
        let taken_back = taken_back.flat_map(|envelope| envelope.decode::<CancelMessages>().unwrap().withdrawn);
        let taken_back: Vec<_> = taken_back.map(|gone| gone.invitation_id).filter(|id| notices.iter().any(|notice| notice.invitation_id == *id)).collect();
        assert_eq!(taken_back.len(), 1);
        let (gone, left): (Vec<Letter>, Vec<Letter>) = notices.into_iter().partition(|notice| taken_back.contains(&notice.invitation_id));
        assert_eq!(gone[0].email_canonical, people[0].email.clone().unwrap());
        stage.mails(&gone, MessageOutcome::Cancelled).await;
        stage.mails(&left, MessageOutcome::Sent).await;
        assert_eq!(figures(&stage.batch(&batch.id).await), [0, 0, 1, 0, 1, 0]);
    }

    async fn i15_several_linked_contacts_need_email_bulk(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(2);
        let bearer = stage.member_with(&["contacts.read", "portal.invite"]).await;
        let several = stage.try_start(&bearer, linked(None)).await;
        assert_eq!(several.unwrap_err().code(), Code::PermissionDenied);
        let one = stage.try_start(&bearer, linked(Some(people[0].id))).await.unwrap();
        assert_eq!(figures(&one.batch.unwrap()), [0, 1, 0, 0, 0, 0]);
    }
}
