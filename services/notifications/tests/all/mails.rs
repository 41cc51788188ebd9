//! What the mails look like.

use chrono::DateTime;
use mail_parser::MessageParser;
use usher_database::{Scope, SystemReason};
use usher_events::{Lane, Letter, MailKind, Mailing};
use usher_notifications::storage::{self, Claim};
use usher_testkit::TestDatabase;
use usher_testkit::mail::{ReceivedMail, SmtpServer};
use usher_types::{Clock, ContactId, InvitationId, MailingId, MessageId};

use crate::bench::{Bench, fixed};

/// A letter whose mail is the same in every run.
fn letter(bench: &Bench) -> Letter {
    let letter = bench.letter("Ada@example.com");
    bench.seal(Letter {
        message_id: fixed::<MessageId>(0x10),
        contact_id: Some(fixed::<ContactId>(0x11)),
        invitation_id: fixed::<InvitationId>(0x12),
        ..letter
    })
}

fn mailing(bench: &Bench) -> Mailing {
    Mailing {
        id: fixed::<MailingId>(0x13),
        ..bench.mailing()
    }
}

async fn sent(bench: &Bench, mailing: &Mailing, letter: &Letter) -> ReceivedMail {
    bench.deliver(mailing, std::slice::from_ref(letter)).await;
    bench.sender().drain().await.unwrap();
    let mut mails = bench.server.mails();
    assert_eq!(mails.len(), 1);
    mails.remove(0)
}

fn text_of(mail: &ReceivedMail) -> String {
    let parsed = MessageParser::default().parse(&mail.bytes).unwrap();
    parsed.body_text(0).unwrap().replace("\r\n", "\n")
}

usher_testkit::dialects! {
    /// The whole mail, byte for byte.
    async fn n4_n5_the_invitation(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let mail = sent(&bench, &mailing(&bench), &letter(&bench)).await;
        insta::assert_snapshot!("invitation_mail", mail.text().replace("\r\n", "\n"));
        insta::assert_snapshot!("invitation_text", text_of(&mail));
    }

    /// Members get another text.
    async fn i15_the_members_invitation(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let mailing = Mailing { kind: MailKind::MemberInvitation, ..mailing(&bench) };
        let letter = Letter { contact_id: None, ..letter(&bench) };
        let mail = sent(&bench, &mailing, &letter).await;
        insta::assert_snapshot!("member_invitation_text", text_of(&mail));
    }

    /// The link of a change of address leads elsewhere, and the notice has none and needs no token (I6).
    async fn i6_the_mails_about_another_address(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let of = |kind| Mailing { kind, invited_by: None, ..mailing(&bench) };
        let letter = Letter { contact_id: None, ..letter(&bench) };
        let mail = sent(&bench, &of(MailKind::EmailChange), &letter).await;
        insta::assert_snapshot!("email_change_text", text_of(&mail));
        let notice = Letter {
            message_id: fixed::<MessageId>(0x14),
            sealed_token: None,
            ..letter
        };
        let mailing = Mailing { id: fixed::<MailingId>(0x15), ..of(MailKind::EmailChangedNotice) };
        bench.deliver(&mailing, &[notice]).await;
        bench.sender().drain().await.unwrap();
        insta::assert_snapshot!("email_changed_notice_text", text_of(&bench.server.mails()[1]));
    }

    /// Two links for another password, and the notice that it was changed (I12).
    async fn i12_the_mails_about_another_password(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let of = |id, kind| Mailing { id: fixed::<MailingId>(id), kind, invited_by: None, ..mailing(&bench) };
        let link = |id| bench.seal(Letter { message_id: fixed::<MessageId>(id), contact_id: None, ..letter(&bench) });
        let notice = Letter { sealed_token: None, ..link(0x22) };
        let sent = [
            (of(0x30, MailKind::PasswordReset), link(0x20)),
            (of(0x31, MailKind::MemberPasswordReset), link(0x21)),
            (of(0x32, MailKind::PasswordChanged), notice),
        ];
        for (mailing, letter) in sent {
            bench.deliver(&mailing, std::slice::from_ref(&letter)).await;
            bench.sender().drain().await.unwrap();
        }
        let texts: Vec<String> = bench.server.mails().iter().map(text_of).collect();
        insta::assert_snapshot!("password_reset_text", texts[0]);
        insta::assert_snapshot!("member_password_reset_text", texts[1]);
        insta::assert_snapshot!("password_changed_text", texts[2]);
    }

    /// Whoever invited hears whom the invitation has not reached (I8).
    async fn i8_the_mail_about_an_answer(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let mailing = Mailing {
            kind: MailKind::InvitationDeclined,
            message: Some("Ada Lovelace (ada@example.com)".to_owned()),
            ..mailing(&bench)
        };
        let notice = Letter { sealed_token: None, contact_id: None, ..letter(&bench) };
        let mail = sent(&bench, &mailing, &notice).await;
        insta::assert_snapshot!("invitation_declined_text", text_of(&mail));
    }

    /// Whoever is in already is told of further accounts, and needs no password: the link leads to the sign-in page.
    async fn i13_the_mail_about_further_accounts(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let mailing = Mailing { kind: MailKind::AccountAccess, message: Some("Welcome back".to_owned()), ..mailing(&bench) };
        let accounts = Some("Engines Ltd\nLoom <Trust>".to_owned());
        let letter = Letter { contact_id: None, sealed_token: None, accounts, ..letter(&bench) };
        let text = text_of(&sent(&bench, &mailing, &letter).await);
        for part in ["to you:\n\nEngines Ltd\nLoom <Trust>\n\nWelcome back\n", "\nhttps://portal.example/sign-in\n"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("/activate/") && !text.contains('['), "{text}");
    }

    /// A reminder has the same invitation and generation as the mail before it; it is a mail of its own with a link of its own.
    async fn i16_a_reminder_follows_the_invitation_s_mail(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let first = letter(&bench);
        sent(&bench, &mailing(&bench), &first).await;
        let reminder = bench.seal(Letter { message_id: fixed::<MessageId>(0x14), ..first });
        let mailing = Mailing { id: fixed::<MailingId>(0x15), kind: MailKind::Reminder, ..mailing(&bench) };
        bench.deliver(&mailing, std::slice::from_ref(&reminder)).await;
        bench.sender().drain().await.unwrap();
        let text = text_of(&bench.server.mails()[1]);
        for part in ["https://portal.example/activate/", "The link works until Sunday, March 8, 2026"] {
            assert!(text.contains(part), "{text}");
        }
    }

    /// Edited subject and body, and a message without its place.
    async fn n4_subject_and_body_of_one_sending(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let mailing = Mailing {
            subject: Some("[FirstName], [OrganizationName] wartet".to_owned()),
            body: Some("Liebe [FirstName],\n\n[CustomerPortalLink]\n\nbis [ExpiresAt]".to_owned()),
            message: Some("Bis bald [FirstName] <b>!".to_owned()),
            ..mailing(&bench)
        };
        let mail = sent(&bench, &mailing, &letter(&bench)).await;
        let parsed = MessageParser::default().parse(&mail.bytes).unwrap();
        assert_eq!(parsed.subject(), Some("Ada, Müller & Söhne wartet"));
        assert_eq!(
            text_of(&mail),
            "Liebe Ada,\n\nBis bald [FirstName] <b>!\n\nhttps://portal.example/activate/BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc\n\n\
             bis Sunday, March 8, 2026 at 1:00 PM CET (UTC+1)"
        );
        assert!(parsed.body_html(0).unwrap().contains("Bis bald [FirstName] &lt;b&gt;!"));
    }

    /// A line that begins with a dot is no end of the mail (RFC 5321, section 4.5.2).
    async fn n5_dots_at_the_beginning_of_lines_survive(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let message = "one\n.two\n.\n..three".to_owned();
        let mailing = Mailing { message: Some(message.clone()), ..mailing(&bench) };
        let mail = sent(&bench, &mailing, &letter(&bench)).await;
        assert!(mail.text().contains("\r\n.\r\n"));
        assert_eq!(text_of(&mail).matches(&format!("\n{message}\n")).count(), 1);
    }

    /// The end of the link in the recipient's own zone, else the organization's.
    async fn i5_the_end_is_shown_in_the_recipients_zone_and_locale(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = Letter {
            time_zone: Some("America/New_York".to_owned()),
            locale: Some("en-GB".to_owned()),
            ..letter(&bench)
        };
        let mail = sent(&bench, &mailing(&bench), &letter).await;
        assert!(text_of(&mail).contains("The link works until Sunday, 8 March 2026 at 08:00 EDT (UTC-4)."));
    }

    /// The token opens only here and is gone after sending.
    async fn i9_the_seal_is_opened_for_the_mail_alone_and_erased(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = letter(&bench);
        let mail = sent(&bench, &mailing(&bench), &letter).await;
        let link = format!("{}/activate/{}", crate::bench::PUBLIC_URL, Bench::token().reveal());
        assert_eq!(text_of(&mail).matches(&link).count(), 1);
        let rows = "SELECT count(*) FROM message WHERE sealed_token IS NOT NULL";
        assert_eq!(bench.count(rows).await, 0);
        for event in usher_testkit::published(&bench.database).await {
            let text = event.data.to_string();
            assert!(!text.contains(&Bench::token().reveal()) && !text.contains(letter.sealed_token.as_deref().unwrap()));
            assert!(!text.contains("ada@") && !text.contains("Ada@"));
        }
    }

    /// A seal for another message does not open: the letter fails and says why.
    async fn i9_a_foreign_seal_fails_the_letter(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let other = bench.letter("other@example.com");
        let letter = Letter { sealed_token: other.sealed_token, ..letter(&bench) };
        bench.deliver(&mailing(&bench), std::slice::from_ref(&letter)).await;
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.mails(), []);
        assert_eq!(bench.row(&letter).await, ("FAILED".to_owned(), 1, false));
        let events = bench.messages().await;
        assert_eq!(events[0].error.as_deref(), Some("the seal of the link does not open with our keys"));
        assert_eq!(bench.addresses().await, []);
    }

    /// A letter that names another organization's mailing does not go out under that one's name.
    async fn n4_a_mailing_of_another_organization_is_not_used(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let foreign = Mailing { organization_id: fixed(0x99), organization_name: "Other".to_owned(), ..mailing(&bench) };
        bench.deliver(&foreign, &[]).await;
        let letter = letter(&bench);
        bench.deliver(&mailing(&bench), std::slice::from_ref(&letter)).await;
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.mails(), []);
        assert_eq!(bench.row(&letter).await, ("FAILED".to_owned(), 1, false));
        assert_eq!(bench.messages().await[0].error.as_deref(), Some("what the mail says is not stored"));
    }

    /// Whoever prints what a sender works with prints ids.
    async fn i9_debug_output_shows_no_address_no_name_no_link_and_no_seal(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let (mailing, letter) = (mailing(&bench), letter(&bench));
        bench.deliver(&mailing, std::slice::from_ref(&letter)).await;
        let claim = Claim {
            lane: Lane::Interactive,
            organization: bench.organization,
            from: DateTime::UNIX_EPOCH,
            limit: 1,
            owner: fixed(1),
            lease: 60_000,
            server: "server",
            now: bench.clock.now(),
        };
        let tx = bench.database.write(Scope::System(SystemReason::Claim)).await.unwrap();
        let claimed = storage::claim(&tx, &claim).await.unwrap();
        let rows = storage::load_mailings(&tx, [mailing.id]).await.unwrap();
        let renderer = bench.renderer();
        let shown = format!("{claimed:?} {rows:?}");
        let known = renderer.learn(rows).remove(&mailing.id).unwrap();
        let parcel = renderer.parcel(&claimed.letters[0], Some(&known)).unwrap();
        let shown = format!("{shown} {parcel:?}").to_lowercase();
        assert_eq!(shown.matches(&letter.message_id.to_string()).count(), 2, "{shown}");
        let seal = letter.sealed_token.unwrap().to_lowercase();
        let link = Bench::token().reveal().to_lowercase();
        for secret in ["ada", "lovelace", "max@", &seal, &link, "[70, 114, ", "activate"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }

    /// SMTPUTF8 only where the server offers it; a domain travels as punycode.
    async fn n5_smtputf8_only_where_offered(db: TestDatabase) {
        let mut bench = Bench::new(&db).await;
        let international = Letter {
            email: "Ольга@почта.рф".to_owned(),
            email_canonical: "ольга@xn--80a1acny.xn--p1ai".to_owned(),
            ..letter(&bench)
        };
        let mail = sent(&bench, &mailing(&bench), &international).await;
        assert_eq!(mail.to, "Ольга@xn--80a1acny.xn--p1ai");
        assert_eq!(mail.parameters, "SMTPUTF8 BODY=8BITMIME");

        bench.server = SmtpServer::offering(&[]).await;
        let domain = bench.letter("olga@почта.рф");
        let local = bench.letter("Ольга@example.com");
        bench.deliver(&mailing(&bench), &[domain.clone(), local.clone()]).await;
        bench.sender().drain().await.unwrap();
        let mails = bench.server.mails();
        assert_eq!(mails.len(), 1);
        assert_eq!((mails[0].to.as_str(), mails[0].parameters.as_str()), ("olga@xn--80a1acny.xn--p1ai", ""));
        assert_eq!(bench.row(&local).await, ("FAILED".to_owned(), 1, false));
        let failed = bench.messages().await.into_iter().find(|event| event.message_id == local.message_id);
        assert_eq!(
            failed.unwrap().error.as_deref(),
            Some("the mail server does not take addresses with letters outside of ASCII (SMTPUTF8)")
        );
        assert_eq!(bench.addresses().await, []);
    }
}
