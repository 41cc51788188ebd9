//! Nothing of one organization is visible to another, and none can touch what is another's: on SQLite the finders alone see
//! to it.

use tonic::Code;
use usher_events::{ContactChanged, Envelope, MessageChanged, MessageOutcome};
use usher_proto::bytes_of;
use usher_proto::invitations::v1::{BatchGetRequest, CancelBatchRequest, WatchBatchRequest};
use usher_testkit::dialects;
use usher_types::OrganizationId;

use crate::stage::{Stage, codes, figures, noon};

dialects! {
    async fn tenants_do_not_see_each_other(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let batch = stage.act("SEND", &[&ada]).await;
        let other = stage.another_firm().await;
        let request = BatchGetRequest { ids: vec![batch.id.clone()] };
        let seen = stage.api().batch_get_batches(other.on(request)).await.unwrap().into_inner();
        assert_eq!(seen.batches.len(), 0);
        let request = BatchGetRequest { ids: vec![bytes_of(ada.id)] };
        let seen = stage.api().batch_get_portal_access(other.on(request)).await.unwrap().into_inner();
        assert_eq!(seen.access.len(), 0);
        let request = other.on(CancelBatchRequest { id: batch.id.clone() });
        let reply = stage.api().cancel_batch(request).await.unwrap().into_inner();
        assert_eq!(codes(&reply.refusals), ["NOT_FOUND"]);
        let watch = other.on(WatchBatchRequest { id: batch.id.clone() });
        assert_eq!(stage.api().watch_batch(watch).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(stage.batch(&batch.id).await.state, "RUNNING");
    }

    /// Not even where another one's batch names the contact: contacts would have to be wrong as well.
    async fn tenants_cannot_invite_each_other_s_contacts(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let token = stage.token_of(&ada).await;
        let other = stage.another_firm().await;
        for action in ["RESEND", "CANCEL"] {
            let reply = stage.try_start(&other, crate::stage::request(action, &[&ada])).await.unwrap();
            assert_eq!(codes(&reply.refusals), ["NOBODY_ELIGIBLE"], "{action}");
        }
        assert_eq!(stage.landing(&token).await.state, "OPEN");
        assert_eq!(stage.letters().await.len(), 1);
    }

    async fn tenants_cannot_be_spoken_for(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let batch = stage.act("SEND", &[&ada]).await;
        let (letter, token) = stage.letters().await.remove(0);
        let stranger = OrganizationId::new(noon());
        let mut contact = ada.clone();
        contact.organization_id = stranger;
        contact.version = contact.version.next();
        contact.active = false;
        let sent = MessageChanged {
            outcome: MessageOutcome::Sent,
            message_id: letter.message_id,
            organization_id: stranger,
            contact_id: letter.contact_id,
            invitation_id: Some(letter.invitation_id),
            attempts: 1,
            error: None,
            at: noon(),
        };
        let changed = ContactChanged { created: false, contact };
        let news = [
            Envelope::event("contacts", noon(), &changed),
            Envelope::event("notifications", noon(), &sent),
        ];
        stage.workshop.hear(&news).await.unwrap();
        assert_eq!(stage.landing(&token).await.state, "OPEN");
        assert_eq!(figures(&stage.batch(&batch.id).await), [0, 1, 0, 0, 0, 0]);
    }
}
