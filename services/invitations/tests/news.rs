//! What becomes of portal access when contacts, mails and addresses change.

use usher_events::{Envelope, InvitationFact, Invite, MessageOutcome};
use usher_proto::bytes_of;
use usher_proto::invitations::v1::{BatchGetRequest, GetOrganizationRequest, StartBatchRequest};
use usher_testkit::dialects;
use usher_types::{ContactRole, EmailState, MemberId, PortalStatus, Version};

use crate::stage::{ADMIN, PASSWORD, Stage, codes, figures, noon, request};

async fn member(stage: &Stage) -> MemberId {
    use sea_orm::ConnectionTrait;
    let scope = usher_database::Scope::System(usher_database::SystemReason::Test);
    let tx = stage.database.read(scope).await.unwrap();
    let row = tx
        .query_one_raw(tx.statement("SELECT id FROM member", []))
        .await
        .unwrap()
        .unwrap();
    MemberId::from(row.try_get_by_index::<uuid::Uuid>(0).unwrap())
}

/// What I21 says access ends by: made inactive, made LEAD, last login off, address removed.
const CAUSES: [fn(&mut usher_events::ContactFacts); 4] = [
    |facts| facts.active = false,
    |facts| facts.role = ContactRole::Lead,
    |facts| facts.links = 1,
    |facts| {
        facts.email = None;
        facts.email_canonical = None;
        facts.email_state = EmailState::None;
    },
];
const ENDED: &str = "SELECT count(*) FROM session WHERE end_reason = 'ACCESS_ENDED'";

dialects! {
    async fn i21_a_contact_who_is_barred_loses_the_invitation(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for cause in CAUSES {
            let mut ada = stage.clients(1).remove(0);
            stage.act("SEND", &[&ada]).await;
            let token = stage.token_of(&ada).await;
            let taken = stage.notifications.taken_back().len();
            cause(&mut ada);
            stage.tell(&mut ada).await;
            assert_eq!(stage.landing(&token).await.state, "INVALID");
            let facts = stage.facts_of(&ada).await;
            assert_eq!(facts.len(), 2);
            assert_eq!((facts[1].fact, facts[1].portal.status), (InvitationFact::Cancelled, PortalStatus::Waiting));
            assert_eq!((facts[1].portal.expires_at, facts[1].portal.invited_at), (None, Some(noon())));
            // the queue takes the mail back; nothing is called inside a consumer's transaction
            assert_eq!(stage.notifications.taken_back().len(), taken);
        }
        let commands = stage.spoken().await;
        assert_eq!(commands.iter().filter(|e| e.kind == "usher.work.cancel_messages.v1").count(), 4);
    }

    async fn i21_access_stops_and_returns_with_its_cause(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for cause in CAUSES {
            let mut ada = stage.clients(1).remove(0);
            let before = ada.clone();
            let email = ada.email.clone().unwrap();
            stage.let_in(&ada, true).await;
            let session = stage.signed_in(&email, PASSWORD).await;
            let facts = stage.facts_of(&ada).await.len();
            let ended = stage.number(ENDED).await;
            cause(&mut ada);
            stage.tell(&mut ada).await;
            assert_eq!(codes(&stage.sign_in(&email, PASSWORD).await.refusals), ["BAD_CREDENTIALS"]);
            assert_eq!(stage.number(ENDED).await, ended + 2);
            stage.revoked_within_a_second(&session).await;
            // status and history stay, so nothing is announced
            assert_eq!(stage.facts_of(&ada).await.len(), facts);
            assert_eq!(stage.number("SELECT count(*) FROM portal_access WHERE status <> 'ACTIVE'").await, 0);
            // none of the actions brings anybody back, or sends anything
            for action in ["SEND", "RESEND", "CANCEL"] {
                let reply = stage.start(request(action, &[&ada])).await;
                assert_eq!(codes(&reply.refusals), ["NOBODY_ELIGIBLE"], "{action}");
            }
            ada = usher_events::ContactFacts { version: ada.version, ..before };
            stage.tell(&mut ada).await;
            stage.signed_in(&email, PASSWORD).await;
            let refused = stage.api().get_organization(session.on(GetOrganizationRequest {})).await;
            assert_eq!(refused.unwrap_err().code(), tonic::Code::Unauthenticated);
        }
    }

    async fn i21_a_batch_that_sees_a_change_first_does_not_swallow_its_news(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut people = stage.clients(3);
        let (bob, mut ada, mut eve) = (people.remove(2), people.remove(1), people.remove(0));
        stage.let_in(&ada, true).await;
        let session = stage.signed_in(ada.email.as_deref().unwrap(), PASSWORD).await;
        stage.act("SEND", &[&eve]).await;
        let token = stage.token_of(&eve).await;
        // contacts has made them inactive, and its events are still on their way
        for contact in [&mut ada, &mut eve] {
            contact.version = contact.version.next();
            contact.active = false;
            stage.contacts.put(contact);
        }
        assert_eq!(figures(&stage.act("RESEND", &[&ada, &eve, &bob]).await), [2, 1, 0, 0, 0, 0]);
        for contact in [&ada, &eve] {
            let event = usher_events::ContactChanged { created: false, contact: contact.clone() };
            stage.workshop.hear(&[Envelope::event("contacts", noon(), &event)]).await.unwrap();
        }
        stage.revoked_within_a_second(&session).await;
        assert_eq!(stage.landing(&token).await.state, "INVALID");
    }

    async fn e3_an_older_version_never_overwrites(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        stage.tell(&mut ada).await;
        let mut old = ada.clone();
        old.version = Version::FIRST;
        old.active = false;
        let event = usher_events::ContactChanged { created: true, contact: old };
        stage.workshop.hear(&[Envelope::event("contacts", noon(), &event)]).await.unwrap();
        assert_eq!(stage.act("SEND", &[&ada]).await.queued, 1);
    }

    async fn i4_figures_follow_the_mails_and_never_go_back(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(5);
        let id = stage.act("SEND", &people.iter().collect::<Vec<_>>()).await.id;
        let letters: Vec<_> = stage.letters().await.into_iter().map(|(letter, _)| letter).collect();
        stage.mails(&letters[..1], MessageOutcome::Deferred).await;
        assert_eq!(figures(&stage.batch(&id).await), [0, 5, 0, 0, 0, 0]);
        let request = BatchGetRequest { ids: vec![bytes_of(letters[0].contact_id.unwrap()), bytes_of(letters[4].contact_id.unwrap())] };
        let access = stage.api().batch_get_portal_access(stage.admin.on(request)).await.unwrap().into_inner().access;
        let mut shown: Vec<_> = access.iter().map(|one| (one.delivery.as_deref(), one.delivery_error.as_deref())).collect();
        shown.sort_unstable();
        assert_eq!(shown, [(Some("DEFERRED"), Some("451 later")), (Some("QUEUED"), None)]);
        stage.mails(&letters[..3], MessageOutcome::Sent).await;
        stage.mails(&letters[..2], MessageOutcome::Deferred).await;
        stage.mails(&letters[3..4], MessageOutcome::Failed).await;
        let batch = stage.batch(&id).await;
        assert_eq!((figures(&batch), batch.state.as_str()), ([0, 1, 3, 1, 0, 0], "RUNNING"));
        stage.mails(&letters[4..], MessageOutcome::Cancelled).await;
        let batch = stage.batch(&id).await;
        assert_eq!((figures(&batch), batch.state.as_str()), ([0, 0, 3, 1, 1, 0], "DONE"));
        assert!(batch.finished_at.is_some());
        stage.mails(&letters[..1], MessageOutcome::Bounced).await;
        assert_eq!(figures(&stage.batch(&id).await), [0, 0, 2, 2, 1, 0]);
    }

    async fn i2_createcontact_with_invite_invites_once(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let [ada, bea]: [_; 2] = stage.clients(2).try_into().unwrap();
        let member_id = member(&stage).await;
        let wish = |contact: &usher_events::ContactFacts| {
            Envelope::command("contacts", noon(), &Invite {
                organization_id: stage.organization,
                contact_id: contact.id,
                idempotency_key: format!("create:{}", contact.id),
                member_id,
                message: Some("Welcome".into()),
                contact: contact.clone(),
            })
        };
        let direct = |contact: &usher_events::ContactFacts| StartBatchRequest {
            message: Some("Welcome".into()),
            idempotency_key: Some(format!("create:{}", contact.id)),
            ..request("SEND", &[contact])
        };
        // the call first, the wish second; and the other way round
        let called = stage.start(direct(&ada)).await.batch.unwrap();
        stage.workshop.hear(&[wish(&ada), wish(&bea)]).await.unwrap();
        assert_eq!(stage.letters().await.len(), 2);
        let after = stage.start(direct(&bea)).await.batch.unwrap();
        assert_eq!((after.queued, after.created_by.as_str()), (1, "Administrator"));
        assert_ne!(after.id, called.id);
        assert_eq!(stage.letters().await.len(), 2);
        assert_eq!(stage.landing(&stage.token_of(&bea).await).await.state, "OPEN");
    }

    async fn i15_a_wish_of_a_member_who_may_not_is_dropped(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let member_id = member(&stage).await;
        stage.run("UPDATE member SET permissions = '[]' WHERE email = $1", [ADMIN.into()]).await;
        let wish = Invite {
            organization_id: stage.organization,
            contact_id: ada.id,
            idempotency_key: "create".into(),
            member_id,
            message: None,
            contact: ada.clone(),
        };
        stage.workshop.hear(&[Envelope::command("contacts", noon(), &wish)]).await.unwrap();
        assert_eq!(stage.letters().await.len(), 0);
    }
}

impl Stage {
    /// Asks again and again, for real time passes here, until the session is refused.
    async fn revoked_within_a_second(&self, session: &usher_service::grpc::Bearer) {
        let refused = async {
            while self
                .api()
                .get_organization(session.on(GetOrganizationRequest {}))
                .await
                .is_ok()
            {
                tokio::task::yield_now().await;
            }
        };
        let within = tokio::time::timeout(std::time::Duration::from_secs(1), refused).await;
        assert!(within.is_ok(), "the session lives on");
    }
}
