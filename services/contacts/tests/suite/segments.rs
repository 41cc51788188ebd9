//! Segments (C9): made, changed, removed, and used as a selection.

use usher_proto::common::v1::PageRequest;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::contacts::v1::{
    BatchGetSegmentsRequest, ContactFilter, ContactSelection, CreateSegmentRequest, DeleteSegmentRequest,
    ListIneligibleRequest, ListSegmentsRequest, PreviewSelectionRequest, Segment, SegmentReply,
    UpdateSegmentRequest,
};

use crate::bench::{Bench, client, codes, lead, refused};

fn tagged(tag: &str) -> ContactFilter {
    ContactFilter {
        tags: vec![tag.into()],
        tags_given: true,
        ..ContactFilter::default()
    }
}

fn named(name: &str, filter: ContactFilter) -> CreateSegmentRequest {
    CreateSegmentRequest {
        name: name.into(),
        filter: Some(filter),
    }
}

fn by(segment: &Segment) -> Option<ContactSelection> {
    Some(ContactSelection {
        of: Some(Of::SegmentId(segment.id.clone())),
    })
}

impl Bench {
    async fn segment(&self, name: &str, filter: ContactFilter) -> Segment {
        let reply = self.try_segment(named(name, filter)).await;
        assert_eq!(reply.refusals, []);
        reply.segment.unwrap()
    }

    async fn try_segment(&self, request: CreateSegmentRequest) -> SegmentReply {
        self.segments()
            .create_segment(request)
            .await
            .unwrap()
            .into_inner()
    }
}

usher_testkit::dialects! {
    async fn c9_a_segment_is_made_changed_and_removed(files: usher_testkit::TestDatabase) {
        let bench = Bench::new(files).await;
        let made = bench.segment(" Tax 2026 ", tagged("tax")).await;
        assert_eq!((made.name.as_str(), made.version, made.filter.clone()), ("Tax 2026", 1, Some(tagged("tax"))));

        let change = UpdateSegmentRequest {
            id: made.id.clone(),
            expected_version: Some(1),
            filter: Some(tagged("vip")),
            ..Default::default()
        };
        let changed = bench.segments().update_segment(change.clone()).await.unwrap().into_inner().segment.unwrap();
        assert_eq!((changed.name.as_str(), changed.version, changed.filter.clone()), ("Tax 2026", 2, Some(tagged("vip"))));
        let again = bench.segments().update_segment(change).await.unwrap().into_inner();
        assert_eq!(refused(&again.refusals), codes(&[("CONFLICT", "expectedVersion")]));
        // the same once more is no change
        let same = UpdateSegmentRequest { id: made.id.clone(), filter: Some(tagged("vip")), ..Default::default() };
        let same = bench.segments().update_segment(same).await.unwrap().into_inner().segment.unwrap();
        assert_eq!(same, changed);

        let got = BatchGetSegmentsRequest { ids: vec![made.id.clone(), vec![0; 16].into(), vec![1].into()] };
        assert_eq!(bench.segments().batch_get_segments(got.clone()).await.unwrap().into_inner().segments, [changed]);
        let gone = DeleteSegmentRequest { id: made.id.clone() };
        let first = bench.segments().delete_segment(gone.clone()).await.unwrap().into_inner();
        assert_eq!(first.refusals, []);
        let second = bench.segments().delete_segment(gone).await.unwrap().into_inner();
        assert_eq!(refused(&second.refusals), codes(&[("NOT_FOUND", "id")]));
        assert_eq!(bench.segments().batch_get_segments(got).await.unwrap().into_inner().segments, []);
    }

    async fn c9_names_are_required_bounded_and_nobody_else_s(files: usher_testkit::TestDatabase) {
        let bench = Bench::new(files).await;
        let table = [("", "REQUIRED"), ("two\nlines", "INVALID"), (&"x".repeat(201), "TOO_LONG")];
        for (name, code) in table {
            let reply = bench.try_segment(named(name, tagged("tax"))).await;
            assert_eq!((reply.segment, refused(&reply.refusals)), (None, codes(&[(code, "name")])));
        }
        let first = bench.segment("Prospects", tagged("a")).await;
        let second = bench.segment("Clients", tagged("b")).await;
        let reply = bench.try_segment(named("PROSPECTS", tagged("c"))).await;
        assert_eq!((reply.segment, refused(&reply.refusals)), (None, codes(&[("NAME_TAKEN", "name")])));
        let renamed = UpdateSegmentRequest { id: second.id, name: Some("prospects".into()), ..Default::default() };
        let reply = bench.segments().update_segment(renamed).await.unwrap().into_inner();
        assert_eq!(refused(&reply.refusals), codes(&[("NAME_TAKEN", "name")]));
        // its own name, written otherwise
        let renamed = UpdateSegmentRequest { id: first.id, name: Some("PROSPECTS".into()), ..Default::default() };
        let reply = bench.segments().update_segment(renamed).await.unwrap().into_inner();
        assert_eq!(reply.segment.unwrap().name, "PROSPECTS");
        let mut deep = tagged("x");
        for _ in 0..16 {
            deep = ContactFilter { not: Some(Box::new(deep)), ..Default::default() };
        }
        let refused = bench.segments().create_segment(named("Deep", deep)).await;
        assert_eq!(refused.unwrap_err().code(), tonic::Code::InvalidArgument);
    }

    async fn c9_segments_are_listed_by_name_and_another_firm_s_are_not_there(files: usher_testkit::TestDatabase) {
        let bench = Bench::new(files).await;
        for name in ["b", "C", "a"] {
            bench.segment(name, tagged(name)).await;
        }
        let page = |after| ListSegmentsRequest {
            page: Some(PageRequest { first: Some(2), after, with_total: true, ..Default::default() }),
        };
        let names = |segments: &[Segment]| segments.iter().map(|segment| segment.name.clone()).collect::<Vec<_>>();
        let first = bench.segments().list_segments(page(None)).await.unwrap().into_inner();
        assert_eq!(names(&first.segments), ["a", "b"]);
        let info = first.page.unwrap();
        assert_eq!((info.total, info.has_next_page), (Some(3), true));
        let rest = bench.segments().list_segments(page(info.cursors.last().cloned())).await.unwrap().into_inner();
        assert_eq!(names(&rest.segments), ["C"]);

        let mut stranger = bench.segments_of_stranger();
        assert_eq!(stranger.list_segments(page(None)).await.unwrap().into_inner().segments, []);
        let id = rest.segments[0].id.clone();
        let got = BatchGetSegmentsRequest { ids: vec![id.clone()] };
        assert_eq!(stranger.batch_get_segments(got).await.unwrap().into_inner().segments, []);
        let reply = stranger.delete_segment(DeleteSegmentRequest { id: id.clone() }).await.unwrap().into_inner();
        assert_eq!(refused(&reply.refusals), codes(&[("NOT_FOUND", "id")]));
        let renamed = UpdateSegmentRequest { id, name: Some("Mine".into()), ..Default::default() };
        let reply = stranger.update_segment(renamed).await.unwrap().into_inner();
        assert_eq!(refused(&reply.refusals), codes(&[("NOT_FOUND", "id")]));
    }

    async fn i2_a_segment_is_a_selection_and_answers_what_it_stood_for(files: usher_testkit::TestDatabase) {
        let bench = Bench::new(files).await;
        let mut ada = client("Ada", "L", "ada@example.com");
        ada.tags = vec!["tax".into()];
        bench.create(ada).await;
        let mut bob = lead("Bob", "M");
        bob.tags = vec!["tax".into()];
        let bob = bench.create(bob).await;
        bench.create(client("Eve", "N", "eve@example.com")).await;
        let segment = bench.segment("Tax", tagged("tax")).await;
        let preview = |segment| PreviewSelectionRequest { selection: by(segment), action: "SEND".into() };
        let reply = bench.member().preview_selection(preview(&segment)).await.unwrap().into_inner();
        assert_eq!((reply.total, reply.eligible), (2, 1));
        assert_eq!(reply.resolved.unwrap().of, Some(Of::Filter(tagged("tax"))));
        let left_out = ListIneligibleRequest {
            selection: by(&segment),
            action: "SEND".into(),
            reason: "ROLE_NOT_INVITABLE".into(),
            page: None,
        };
        let left_out = bench.member().list_ineligible(left_out).await.unwrap().into_inner();
        assert_eq!(left_out.contacts.iter().map(|contact| contact.id.clone()).collect::<Vec<_>>(), [bob.id]);
        // another firm's segment is none
        let reply = bench.stranger().preview_selection(preview(&segment)).await.unwrap().into_inner();
        assert_eq!((reply.total, refused(&reply.refusals)), (0, codes(&[("NOT_FOUND", "contacts.segmentId")])));
    }
}
