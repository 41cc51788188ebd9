//! The page behind the link that confirms a new address.

use http::{Method, StatusCode};
use usher_proto::common::v1::Refusal;
use usher_proto::invitations::v1 as invitations;
use usher_proto::timestamp;

use super::harness::Harness;
use super::pages::{form, get, is_a_page, request};

const PATH: &str = "/confirm-email/c2VjcmV0LXRva2VuLW9mLXRoaXMtdGVzdC0xMjM0NTY3ODk";

fn landing(harness: &Harness, state: &'static str) {
    let at = timestamp(harness.now());
    harness
        .fakes
        .on("GetEmailChange", move |_: invitations::LinkRequest| {
            let known = state != "INVALID";
            Ok(invitations::Landing {
                state: state.to_owned(),
                organization_name: known.then(|| "Müller & <Söhne>".to_owned()),
                organization_slug: known.then(|| "mueller".to_owned()),
                masked_email: known.then(|| "a•••@example.com".to_owned()),
                expires_at: known.then_some(at),
                time_zone: Some("Europe/Berlin".to_owned()),
                locale: Some("en".to_owned()),
                ..invitations::Landing::default()
            })
        });
}

fn confirming(harness: &Harness, code: Option<&'static str>) {
    harness
        .fakes
        .on("ConfirmEmailChange", move |_: invitations::LinkRequest| {
            let refusal = |code: &str| Refusal {
                code: code.to_owned(),
                ..Refusal::default()
            };
            Ok(invitations::ConfirmEmailChangeReply {
                refusals: code.map(refusal).into_iter().collect(),
            })
        });
}

#[tokio::test]
async fn i6_each_state_of_the_link_has_its_page_and_looking_changes_nothing() {
    for (state, status, says) in [
        ("OPEN", StatusCode::OK, "You can confirm until Friday"),
        ("EXPIRED", StatusCode::GONE, "This link has expired"),
        ("INVALID", StatusCode::NOT_FOUND, "This link does not work"),
    ] {
        let harness = Harness::new();
        landing(&harness, state);
        let answer = get(&harness, PATH).await;
        assert_eq!(answer.status, status, "{state}");
        is_a_page(&answer);
        assert!(answer.text().contains(says), "{state}: {}", answer.text());
        assert_eq!(answer.text().contains("<form"), state == "OPEN");
        assert_eq!(request(&harness, Method::HEAD, PATH).await.status, status);
        assert_eq!(harness.fakes.called(), ["GetEmailChange"; 2]);
    }
}

#[tokio::test]
async fn i6_the_form_confirms_and_leads_to_the_sign_in() {
    let harness = Harness::new();
    landing(&harness, "OPEN");
    confirming(&harness, None);
    let answer = harness.send(form(PATH, "")).await;
    assert_eq!(answer.status, StatusCode::OK);
    is_a_page(&answer);
    assert!(answer.text().contains("Your address is confirmed"));
    assert!(answer.text().contains("href=\"/sign-in?organization=mueller\""));
    assert_eq!(answer.header("set-cookie"), None);
    let [asked] = &harness
        .fakes
        .calls::<invitations::LinkRequest>("ConfirmEmailChange")[..]
    else {
        panic!("one call");
    };
    assert_eq!(Some(asked.token.as_str()), PATH.strip_prefix("/confirm-email/"));
}

#[tokio::test]
async fn i6_a_link_that_died_meanwhile_is_shown_as_it_is() {
    let harness = Harness::new();
    landing(&harness, "INVALID");
    confirming(&harness, Some("LINK_INVALID"));
    let answer = harness.send(form(PATH, "")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.text().contains("This link does not work"));
}
