//! What whole batches are refused for; refusals of contacts stand in `batches`.

use tonic::Code;
use usher_proto::invitations::v1::{CheckInvitationRequest, StartBatchRequest};
use usher_service::grpc::Bearer;
use usher_testkit::dialects;
use usher_types::ContactId;

use crate::stage::{Stage, codes, everyone, request};

fn for_everyone(action: &str) -> StartBatchRequest {
    StartBatchRequest {
        action: action.into(),
        selection: Some(everyone()),
        ..StartBatchRequest::default()
    }
}

dialects! {
    async fn i4_what_a_batch_is_refused_for(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let stranger = stage.person("stranger@example.com");
        let too_many: Vec<_> = (0..10_001).map(|_| stage.person("many@example.com")).collect();
        let mut inactive = stage.clients(1).remove(0);
        inactive.active = false;
        stage.contacts.put(&inactive);
        let with = |change: fn(&mut StartBatchRequest)| {
            let mut start = request("SEND", &[&ada]);
            change(&mut start);
            start
        };
        let table = [
            (request("SEND", &[&ada, &stranger]), "NOT_FOUND", vec!["contacts", "ids"]),
            (request("SEND", &too_many.iter().collect::<Vec<_>>()), "LIMIT_REACHED", vec!["contacts", "ids"]),
            (request("SEND", &[]), "NOBODY_ELIGIBLE", vec!["contacts"]),
            (request("SEND", &[&inactive]), "NOBODY_ELIGIBLE", vec!["contacts"]),
            (request("CANCEL", &[&ada]), "NOBODY_ELIGIBLE", vec!["contacts"]),
            (with(|start| start.expect_eligible = Some(2)), "CONFLICT", vec!["expectEligible"]),
            (with(|start| start.subject = Some("[Wrong]".into())), "UNKNOWN_PLACEHOLDER", vec!["subject"]),
            (with(|start| start.idempotency_key = Some(String::new())), "INVALID", vec!["idempotencyKey"]),
        ];
        for (start, code, field) in table {
            let reply = stage.start(start).await;
            assert_eq!((codes(&reply.refusals), reply.batch), (vec![code], None));
            assert_eq!(reply.refusals[0].field, field, "{code}");
        }
        assert_eq!(stage.number("SELECT count(*) FROM batch").await, 0);
        assert_eq!(stage.letters().await.len(), 0);
        assert_eq!(stage.start(with(|start| start.expect_eligible = Some(1))).await.batch.unwrap().queued, 1);
    }

    async fn i15_bulk_needs_both_permissions(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let [ada, bea]: [_; 2] = stage.clients(2).try_into().unwrap();
        let no_bulk = stage.member_with(&["contacts.read", "portal.invite"]).await;
        for start in [request("SEND", &[&ada, &bea]), for_everyone("SEND")] {
            let refused = stage.try_start(&no_bulk, start).await.unwrap_err();
            assert_eq!(refused.code(), Code::PermissionDenied);
        }
        assert_eq!(stage.try_start(&no_bulk, request("SEND", &[&ada])).await.unwrap().batch.unwrap().queued, 1);
        let reader = stage.member_with(&["contacts.read", "email.bulk"]).await;
        let refused = stage.try_start(&reader, request("SEND", &[&bea])).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        let refused = stage.api().start_batch(request("SEND", &[&bea])).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        stage.let_in(&bea, true).await;
        let contact = stage.signed_in(bea.email.as_deref().unwrap(), crate::stage::PASSWORD).await;
        let refused = stage.try_start(&contact, request("SEND", &[&ada])).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert_eq!(stage.letters().await.len(), 2);
    }

    async fn i15_inviting_is_checked_before_links_are_changed(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let [ada, bea]: [_; 2] = stage.clients(2).try_into().unwrap();
        let no_bulk = stage.member_with(&["contacts.read", "contacts.write", "portal.invite"]).await;
        let of = |contact: Option<&usher_events::ContactFacts>, except: &[&usher_events::ContactFacts]| CheckInvitationRequest {
            account_ids: vec![usher_proto::bytes_of(ContactId::new(crate::stage::noon()))],
            contact_id: contact.map(|contact| usher_proto::bytes_of(contact.id)),
            except_contact_ids: except.iter().map(|contact| usher_proto::bytes_of(contact.id)).collect(),
            message: None,
        };
        let check = async |bearer: &Bearer, request: CheckInvitationRequest| {
            stage.api().check_invitation(bearer.on(request)).await.map(|reply| reply.into_inner().refusals)
        };
        let denied = check(&no_bulk, of(None, &[])).await.unwrap_err();
        assert_eq!(denied.code(), Code::PermissionDenied);
        assert_eq!(check(&no_bulk, of(None, &[&bea])).await.unwrap(), []);
        assert_eq!(check(&no_bulk, of(Some(&ada), &[])).await.unwrap(), []);
        assert_eq!(check(&stage.admin, of(None, &[])).await.unwrap(), []);
        let wrong = CheckInvitationRequest { message: Some("[Wrong]".into()), ..of(None, &[]) };
        assert_eq!(codes(&check(&stage.admin, wrong).await.unwrap()), ["UNKNOWN_PLACEHOLDER"]);
        stage.portal(false).await;
        assert_eq!(codes(&check(&stage.admin, of(None, &[])).await.unwrap()), ["PORTAL_DISABLED"]);
        let reader = stage.member_with(&["contacts.read", "contacts.write", "email.bulk"]).await;
        assert_eq!(check(&reader, of(Some(&ada), &[])).await.unwrap_err().code(), Code::PermissionDenied);
    }
}
