//! Reminders of invitations nobody has answered (I16).

use chrono::TimeDelta;
use usher_events::{AddressStateChanged, Envelope, Letter, MailKind, MessageOutcome};
use usher_proto::invitations::v1::{
    BatchGetRequest, Organization, OrganizationReply, PortalAccess, ReminderPlanChange,
    UpdateOrganizationRequest,
};
use usher_proto::{bytes_of, datetime};
use usher_testkit::dialects;
use usher_types::{EmailState, Version};

use crate::stage::{PASSWORD, Stage, codes, figures, noon};

/// Longer than the moments of a batch's reminders are spread over.
const SPREAD: TimeDelta = TimeDelta::minutes(31);

fn after(days: &[i32]) -> ReminderPlanChange {
    ReminderPlanChange {
        days_given: true,
        days: days.to_vec(),
        ..ReminderPlanChange::default()
    }
}

impl Stage {
    async fn remind(&self, plan: Option<ReminderPlanChange>) -> OrganizationReply {
        let request = UpdateOrganizationRequest {
            nulled: plan
                .is_none()
                .then(|| "reminders".to_owned())
                .into_iter()
                .collect(),
            reminders: plan,
            ..UpdateOrganizationRequest::default()
        };
        let bearer = self.signed_in(crate::stage::ADMIN, PASSWORD).await;
        self.api()
            .update_organization(bearer.on(request))
            .await
            .unwrap()
            .into_inner()
    }

    async fn firm_reminds(&self, days: &[i32]) -> Organization {
        let reply = self.remind(Some(after(days))).await;
        assert_eq!(codes(&reply.refusals), Vec::<&str>::new());
        reply.organization.unwrap()
    }

    /// Invitations of so many clients at noon, whose mails have gone out.
    async fn invited(&self, count: usize) -> Vec<(Letter, String)> {
        let people = self.clients(count);
        self.act("SEND", &people.iter().collect::<Vec<_>>()).await;
        let letters = self.letters().await;
        let sent: Vec<Letter> = letters.iter().map(|(letter, _)| letter.clone()).collect();
        self.mails(&sent, MessageOutcome::Sent).await;
        letters
    }

    /// The reminders that have gone out until so long after noon.
    async fn reminded_by(&self, later: TimeDelta) -> Vec<(Letter, String)> {
        let now = usher_types::Clock::now(self.clock.as_ref());
        self.advance(noon() + later - now);
        self.workshop.sweep().await.unwrap();
        self.letters_of(MailKind::Reminder).await
    }

    async fn access(&self, letter: &Letter) -> PortalAccess {
        let request = BatchGetRequest {
            ids: vec![bytes_of(letter.contact_id.unwrap())],
        };
        let bearer = self.signed_in(crate::stage::ADMIN, PASSWORD).await;
        let reply = self.api().batch_get_portal_access(bearer.on(request)).await;
        reply.unwrap().into_inner().access.remove(0)
    }
}

dialects! {
    /// Whoever has to wait for the next day is reminded in it.
    async fn i17_reminders_take_their_share_of_the_day(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.firm_reminds(&[2]).await;
        stage.invited(3).await;
        crate::budgets::daily(&stage, 2).await;
        stage.advance(TimeDelta::days(2) + SPREAD);
        for _ in 0..2 {
            stage.workshop.sweep().await.unwrap();
            assert_eq!(stage.letters_of(MailKind::Reminder).await.len(), 2);
        }
        stage.advance(TimeDelta::days(1));
        // midnight is within quiet hours: it is looked at then, and sent later
        for _ in 0..2 {
            stage.workshop.sweep().await.unwrap();
        }
        let letters = stage.letters_of(MailKind::Reminder).await;
        let mut contacts: Vec<_> = letters.iter().map(|(letter, _)| letter.contact_id).collect();
        contacts.sort_unstable();
        contacts.dedup();
        assert_eq!((letters.len(), contacts.len()), (3, 3));
    }

    async fn i16_a_reminder_carries_a_further_token_with_the_same_end(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let firm = stage.firm_reminds(&[5, 2]).await;
        let plan = firm.reminders.unwrap();
        assert_eq!((plan.days, plan.before_end, plan.quiet_from, plan.quiet_to), (vec![2, 5], false, 1200, 480));
        let (first, token) = stage.invited(1).await.remove(0);
        let due = stage.access(&first).await.next_reminder_at.and_then(datetime).unwrap() - noon();
        assert!(due >= TimeDelta::days(2) && due < TimeDelta::days(2) + SPREAD, "{due}");
        assert_eq!(stage.reminded_by(due - TimeDelta::seconds(1)).await, []);
        let (letter, further) = stage.reminded_by(due).await.remove(0);
        assert_ne!((letter.message_id, further.as_str()), (first.message_id, token.as_str()));
        let same = |letter: &Letter| (letter.invitation_id, letter.generation, letter.contact_id, letter.expires_at, letter.email.clone());
        assert_eq!(same(&letter), same(&first));
        let access = stage.access(&first).await;
        assert_eq!(access.reminded_at.and_then(datetime), Some(noon() + due));
        assert!(access.next_reminder_at.and_then(datetime).unwrap() >= noon() + TimeDelta::days(5));
        assert_eq!(stage.number("SELECT count(*) FROM portal_access WHERE version > 2").await, 0);
        // once, however often it is looked for
        assert_eq!(stage.reminded_by(due + TimeDelta::hours(1)).await.len(), 1);
        for token in [&token, &further] {
            assert_eq!(stage.landing(token).await.state, "OPEN");
        }
        // any of the tokens works; accepting spends all, and takes back the mails that have not gone out
        assert!(stage.accept(&further, PASSWORD).await.accepted);
        for token in [&token, &further] {
            assert_eq!(stage.landing(token).await.state, "INVALID");
        }
        assert_eq!(stage.taken_back().await, [first.invitation_id]);
        assert_eq!(stage.reminded_by(TimeDelta::days(6)).await.len(), 1);
    }

    async fn i16_resending_kills_all_tokens(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.firm_reminds(&[2]).await;
        let people = stage.clients(1);
        stage.act("SEND", &[&people[0]]).await;
        let (first, token) = stage.letters().await.remove(0);
        stage.mails(std::slice::from_ref(&first), MessageOutcome::Sent).await;
        let (_, further) = stage.reminded_by(TimeDelta::days(2) + SPREAD).await.remove(0);
        stage.act("RESEND", &[&people[0]]).await;
        for token in [&token, &further] {
            assert_eq!(stage.landing(token).await.state, "SUPERSEDED");
        }
        assert!(stage.taken_back().await.contains(&first.invitation_id));
        // the new one has a plan of its own
        let second = stage.letters().await.remove(1).0;
        let due = stage.access(&second).await.next_reminder_at.and_then(datetime).unwrap();
        assert!(due >= noon() + TimeDelta::days(4));
    }

    async fn i16_a_batch_s_figures_know_nothing_of_reminders(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.firm_reminds(&[1]).await;
        let people = stage.clients(2);
        let batch = stage.act("SEND", &people.iter().collect::<Vec<_>>()).await;
        let sent: Vec<Letter> = stage.letters().await.into_iter().map(|(letter, _)| letter).collect();
        stage.mails(&sent, MessageOutcome::Sent).await;
        let reminders: Vec<Letter> = stage.reminded_by(TimeDelta::days(1) + SPREAD).await.into_iter().map(|(letter, _)| letter).collect();
        stage.mails(&reminders, MessageOutcome::Bounced).await;
        assert_eq!(figures(&stage.batch(&batch.id).await), [0, 0, 2, 0, 0, 0]);
        assert_eq!(stage.access(&sent[0]).await.delivery.as_deref(), Some("SENT"));
    }

    async fn i16_three_replicas_send_each_reminder_once(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.firm_reminds(&[1]).await;
        stage.invited(20).await;
        stage.advance(TimeDelta::days(1) + SPREAD);
        let sweep = || async {
            // who meets the other's rows may have to try again, as the sweeper does
            for _ in 0..10 {
                if stage.workshop.sweep().await.is_ok() {
                    return;
                }
            }
            panic!("sweeping fails for ever");
        };
        tokio::join!(sweep(), sweep(), sweep());
        let reminders = stage.letters_of(MailKind::Reminder).await;
        let mut people: Vec<_> = reminders.iter().map(|(letter, _)| letter.contact_id).collect();
        people.sort();
        people.dedup();
        assert_eq!((reminders.len(), people.len()), (20, 20));
    }

    async fn i16_what_was_missed_is_one_reminder_at_most(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.firm_reminds(&[1, 2, 3, 6]).await;
        stage.invited(1).await;
        assert_eq!(stage.reminded_by(TimeDelta::days(4)).await.len(), 1);
        assert_eq!(stage.reminded_by(TimeDelta::days(5)).await.len(), 1);
        assert_eq!(stage.reminded_by(TimeDelta::days(6) + SPREAD).await.len(), 2);
    }

    async fn i16_who_was_late_is_not_woken(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.firm_reminds(&[1]).await;
        let mut people = stage.clients(2);
        people[1].time_zone = Some("Asia/Tokyo".into());
        stage.contacts.put(&people[1]);
        stage.act("SEND", &people.iter().collect::<Vec<_>>()).await;
        let sent: Vec<Letter> = stage.letters().await.into_iter().map(|(letter, _)| letter).collect();
        stage.mails(&sent, MessageOutcome::Sent).await;
        // one in the morning, which is ten o'clock in Tokyo
        let night = stage.reminded_by(TimeDelta::days(1) + TimeDelta::hours(13)).await;
        assert_eq!(night.iter().map(|(letter, _)| letter.contact_id).collect::<Vec<_>>(), [Some(people[1].id)]);
        assert_eq!(stage.reminded_by(TimeDelta::days(1) + TimeDelta::hours(19)).await.len(), 1);
        assert_eq!(stage.reminded_by(TimeDelta::days(1) + TimeDelta::hours(20)).await.len(), 2);
    }

    async fn i16_only_who_is_still_invited_and_deliverable_is_reminded(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.firm_reminds(&[1]).await;
        let mut people = stage.clients(8);
        stage.act("SEND", &people.iter().collect::<Vec<_>>()).await;
        let letters = stage.letters().await;
        let letter = |index: usize| letters.iter().find(|(letter, _)| letter.contact_id == Some(people[index].id)).unwrap().clone();
        let all: Vec<_> = (0..8).map(letter).collect();
        let sent: Vec<Letter> = all[2..].iter().map(|(letter, _)| letter.clone()).collect();
        stage.mails(&sent, MessageOutcome::Sent).await;
        // 0: the mail waits; 1: it failed; 2: accepted; 3: cancelled; 4: login off; 5: another address; 6: suppressed
        stage.mails(&[all[1].0.clone()], MessageOutcome::Failed).await;
        assert!(stage.accept(&all[2].1, PASSWORD).await.accepted);
        stage.act("CANCEL", &[&people[3]]).await;
        people[4].links = 1;
        stage.tell(&mut people[4]).await;
        people[5].email = Some("else@example.com".into());
        people[5].email_canonical = people[5].email.clone();
        stage.tell(&mut people[5]).await;
        let suppressed = AddressStateChanged {
            organization_id: stage.organization,
            email_canonical: all[6].0.email_canonical.clone(),
            state: EmailState::Suppressed,
            version: Version::FIRST,
            contact_id: None,
        };
        stage.workshop.hear(&[Envelope::event("notifications", noon(), &suppressed)]).await.unwrap();
        let reminded = stage.reminded_by(TimeDelta::days(1) + SPREAD).await;
        assert_eq!(reminded.iter().map(|(letter, _)| letter.contact_id).collect::<Vec<_>>(), [Some(people[7].id)]);
        assert_eq!(stage.number("SELECT count(*) FROM reminder WHERE next_at IS NOT NULL").await, 0);
    }

    async fn i16_a_plan_holds_for_what_is_open_and_ends_with_the_switch(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let (first, _) = stage.invited(2).await.remove(0);
        // nobody is reminded unless the organization says so
        assert_eq!(stage.access(&first).await.next_reminder_at, None);
        assert_eq!(stage.number("SELECT count(*) FROM reminder").await, 0);
        stage.firm_reminds(&[1, 3]).await;
        stage.workshop.sweep().await.unwrap();
        assert!(stage.access(&first).await.next_reminder_at.and_then(datetime).unwrap() < noon() + TimeDelta::days(1) + SPREAD);
        // while the portal is off nobody is reminded, and later of what comes next
        stage.portal(false).await;
        assert_eq!(stage.reminded_by(TimeDelta::days(1) + SPREAD).await, []);
        stage.portal(true).await;
        assert_eq!(stage.reminded_by(TimeDelta::days(3) + SPREAD).await.len(), 2);
        stage.firm_reminds(&[5]).await;
        let reply = stage.remind(None).await;
        assert_eq!(reply.organization.unwrap().reminders.unwrap().days, Vec::<i32>::new());
        assert_eq!(stage.reminded_by(TimeDelta::days(5) + SPREAD).await.len(), 2);
        let wrong = stage.remind(Some(after(&[30]))).await;
        assert_eq!((codes(&wrong.refusals), wrong.refusals[0].field.clone()), (vec!["INVALID"], vec!["reminders".to_owned()]));
    }
}
