//! The pages of links that do not work any more, or reached somebody else.

use http::{Method, StatusCode};
use usher_proto::common::v1::Refusal;
use usher_proto::invitations::v1 as invitations;

use super::activation::landing;
use super::harness::Harness;
use super::pages::{form, get, is_a_page, request};

const PATH: &str = "/activate/c2VjcmV0LXRva2VuLW9mLXRoaXMtdGVzdC0xMjM0NTY3ODk";

fn declining(harness: &Harness, code: Option<&'static str>) {
    harness
        .fakes
        .on("DeclineInvitation", move |_: invitations::LinkRequest| {
            let refusal = |code: &str| Refusal {
                code: code.to_owned(),
                ..Refusal::default()
            };
            Ok(invitations::DeclineInvitationReply {
                refusals: code.map(refusal).into_iter().collect(),
            })
        });
}

#[tokio::test]
async fn i8_each_state_offers_what_helps() {
    for (state, renews, declines) in [
        ("OPEN", false, true),
        ("EXPIRED", true, true),
        ("SUPERSEDED", true, false),
        ("INVALID", false, false),
    ] {
        let harness = Harness::new();
        landing(&harness, state);
        let page = get(&harness, PATH).await;
        assert_eq!(page.text().contains("/new-link\""), renews, "{state}");
        assert_eq!(page.text().contains("/not-me\""), declines, "{state}");
        let not_me = get(&harness, &format!("{PATH}/not-me")).await;
        is_a_page(&not_me);
        assert_eq!(not_me.text().contains("type=\"checkbox\""), declines, "{state}");
    }
}

#[tokio::test]
async fn i7_looking_at_any_page_of_a_link_changes_nothing() {
    let harness = Harness::new();
    for state in ["OPEN", "EXPIRED", "SUPERSEDED", "INVALID"] {
        landing(&harness, state);
        for path in ["", "/not-me", "/new-link"] {
            for method in [Method::GET, Method::HEAD] {
                request(&harness, method, &format!("{PATH}{path}")).await;
            }
        }
    }
    assert_eq!(harness.fakes.called(), ["GetLanding"; 24]);
}

#[tokio::test]
async fn i8_an_unticked_box_changes_nothing_and_a_ticked_one_ends_the_invitation() {
    let harness = Harness::new();
    landing(&harness, "OPEN");
    declining(&harness, None);
    let path = format!("{PATH}/not-me");
    for body in ["", "confirm=", "confirm=no"] {
        let answer = harness.send(form(&path, body)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        is_a_page(&answer);
        assert!(answer.text().contains("tick the box first"));
        assert!(answer.text().contains("<title>Error: "));
        assert!(
            answer
                .text()
                .contains("aria-describedby=\"confirm-error\" aria-invalid=\"true\" autofocus")
        );
    }
    assert!(
        harness
            .fakes
            .calls::<invitations::LinkRequest>("DeclineInvitation")
            .is_empty()
    );
    let answer = harness.send(form(&path, "confirm=yes")).await;
    assert_eq!(answer.status, StatusCode::OK);
    is_a_page(&answer);
    assert!(answer.text().contains("The invitation has ended"));
    let [asked] = &harness
        .fakes
        .calls::<invitations::LinkRequest>("DeclineInvitation")[..]
    else {
        panic!("one call");
    };
    assert_eq!(Some(asked.token.as_str()), PATH.strip_prefix("/activate/"));
}

#[tokio::test]
async fn i8_a_link_that_died_meanwhile_is_shown_as_it_is() {
    let harness = Harness::new();
    landing(&harness, "INVALID");
    declining(&harness, Some("LINK_INVALID"));
    let answer = harness.send(form(&format!("{PATH}/not-me"), "confirm=yes")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.text().contains("This link does not work"));
}

#[tokio::test]
async fn i8_the_answer_to_a_wish_for_a_new_link_is_always_the_same() {
    let mut answers = Vec::new();
    for state in ["EXPIRED", "SUPERSEDED", "INVALID"] {
        let harness = Harness::new();
        landing(&harness, state);
        harness
            .fakes
            .on("RequestNewLink", |_: invitations::NewLinkRequest| {
                Ok(invitations::RequestNewLinkReply {})
            });
        let answer = harness.send(form(&format!("{PATH}/new-link"), "")).await;
        assert_eq!(answer.status, StatusCode::OK);
        is_a_page(&answer);
        answers.push(answer.text().to_owned());
        let [asked] = &harness
            .fakes
            .calls::<invitations::NewLinkRequest>("RequestNewLink")[..]
        else {
            panic!("one call");
        };
        assert_eq!(
            (Some(asked.token.as_str()), asked.source.as_str()),
            (PATH.strip_prefix("/activate/"), "192.0.2.7")
        );
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[tokio::test]
async fn forms_of_other_sites_do_nothing() {
    let harness = Harness::new();
    for path in ["/not-me", "/new-link"] {
        let mut request = form(&format!("{PATH}{path}"), "confirm=yes");
        request
            .headers_mut()
            .insert("sec-fetch-site", "cross-site".parse().unwrap());
        assert_eq!(harness.send(request).await.status, StatusCode::FORBIDDEN);
    }
    assert_eq!(harness.fakes.called(), Vec::<String>::new());
}
