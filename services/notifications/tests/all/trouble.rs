//! Servers that refuse, put off, hang up and fall silent (N3).

use std::time::Duration;

use chrono::TimeDelta;
use usher_events::{Letter, MessageOutcome};
use usher_notifications::sender::Pace;
use usher_notifications::transport::{MailTransport, Smtp, SmtpUrl};
use usher_testkit::TestDatabase;
use usher_testkit::mail::{Answer, At, Rule, SmtpServer};
use usher_types::EmailState;

use crate::bench::{Bench, domain, pace};

usher_testkit::dialects! {
    /// 4xx is tried again later, with the same Message-ID and Date.
    async fn n3_what_is_put_off_is_tried_again(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        bench.server.rule(Rule::reply(At::Content, "451 4.7.1 <ada@example.com> greylisted").times(1));
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.row(&letter).await, ("DEFERRED".to_owned(), 1, true));
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.seen().recipients, 1);

        bench.clock.advance(TimeDelta::seconds(72));
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.row(&letter).await, ("SENT".to_owned(), 2, false));
        let mail = bench.server.mails().remove(0);
        assert!(mail.text().contains("Date: Sun, 01 Mar 2026 12:00:00 +0000\r\n"));
        let events: Vec<_> = bench.messages().await.into_iter().map(|event| (event.outcome, event.attempts, event.error)).collect();
        assert_eq!(
            events,
            [
                (MessageOutcome::Deferred, 1, Some("451 4.7.1 … greylisted".to_owned())),
                (MessageOutcome::Sent, 2, None)
            ]
        );
    }

    /// Waits grow until the link's end; then the letter fails.
    async fn n3_tries_end_with_the_link(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        bench.server.rule(Rule::reply(At::Recipient, "450 4.2.1 try later"));
        for _ in 0..7 * 24 * 4 {
            bench.sender().drain().await.unwrap();
            bench.clock.advance(TimeDelta::minutes(15));
        }
        let (state, attempts, sealed) = bench.row(&letter).await;
        assert_eq!((state.as_str(), sealed), ("FAILED", false));
        // A few in the first hours, then one every four hours, give or take a fifth and the quarter of an hour of this test.
        assert!((40..=60).contains(&attempts), "{attempts}");
        let events = bench.messages().await;
        assert_eq!(events.len(), usize::try_from(attempts).unwrap());
        assert_eq!(events.last().unwrap().outcome, MessageOutcome::Failed);
        assert_eq!(events.last().unwrap().error.as_deref(), Some("450 4.2.1 try later"));
        assert_eq!(bench.addresses().await, []);
    }

    /// 5xx about the recipient fails the letter and marks the address, once.
    async fn n3_an_unknown_recipient_is_marked(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letters = [bench.letter("gone@example.com"), bench.letter("here@example.com"), bench.letter("gone@example.com")];
        bench.deliver(&bench.mailing(), &letters).await;
        bench.server.rule(Rule::reply(At::Recipient, "550 5.1.1 no such user gone@example.com").to("gone@example.com"));
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.row(&letters[0]).await, ("FAILED".to_owned(), 1, false));
        assert_eq!(bench.row(&letters[1]).await, ("SENT".to_owned(), 1, false));
        let changed = bench.addresses().await;
        assert_eq!(changed.len(), 1);
        assert_eq!((changed[0].email_canonical.as_str(), changed[0].state), ("gone@example.com", EmailState::Bounced));
        assert_eq!(changed[0].organization_id, bench.organization);
        assert_eq!(changed[0].version.counter(), 1);
        let failed = bench.messages().await.into_iter().find(|event| event.message_id == letters[0].message_id).unwrap();
        assert_eq!(failed.outcome, MessageOutcome::Failed);
        assert_eq!(failed.error.as_deref(), Some("550 5.1.1 no such user …"));
    }

    /// 5xx about us fails the letter and does not blame the address.
    async fn n3_a_refusal_of_us_does_not_blame_the_address(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        for (at, words) in [
            (At::Recipient, "550 5.7.1 relaying denied"),
            (At::Sender, "553 not your address"),
            (At::Content, "554 looks like spam"),
            (At::Data, "554 no"),
        ] {
            let letter = bench.letter("ada@example.com");
            bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
            bench.server.rule(Rule::reply(at, words).times(1));
            bench.sender().drain().await.unwrap();
            assert_eq!(bench.row(&letter).await, ("FAILED".to_owned(), 1, false), "{words}");
        }
        assert_eq!(bench.addresses().await, []);
        assert_eq!(bench.server.mails(), []);
    }

    /// Refusals are told apart alike whether a server takes several commands at once or not, and the connection goes on.
    async fn n3_a_refusal_is_about_the_command_that_was_refused(db: TestDatabase) {
        for extensions in [&["PIPELINING"][..], &[]] {
            let mut bench = Bench::new(&db).await;
            bench.server = SmtpServer::offering(extensions).await;
            let letters = bench.letters(4);
            bench.deliver(&bench.mailing(), &letters).await;
            for refused in [0, 2] {
                bench.server.rule(Rule::reply(At::Recipient, "550 5.1.1 no such user").to(&letters[refused].email));
            }
            bench.server.rule(Rule::reply(At::Content, "554 5.6.0 unreadable").to(&letters[1].email));
            let one = Pace { connections: 1, ..pace() };
            bench.sender_to(bench.smtp(one.dialogue), one).drain().await.unwrap();
            let events = bench.messages().await;
            let error = |letter: &Letter| {
                let event = events.iter().find(|event| event.message_id == letter.message_id).unwrap();
                event.error.clone().unwrap_or_default()
            };
            let errors: Vec<_> = letters.iter().map(error).collect();
            let refused = "550 5.1.1 no such user";
            assert_eq!(errors, [refused, "554 5.6.0 unreadable", refused, ""], "{extensions:?}");
            assert_eq!(bench.server.seen().connections, 1, "{extensions:?}");
        }
    }

    /// RFC 2920 lets a server wait for the text of a mail whose recipient it has refused: nothing else can be said to it.
    async fn n3_a_server_that_waits_for_the_text_of_a_refused_mail_gets_none(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letters = bench.letters(4);
        bench.deliver(&bench.mailing(), &letters).await;
        // the one is named on its own, the other along with the text before
        for refused in [0, 2] {
            bench.server.rule(Rule::reply(At::Recipient, "550 5.1.1 no such user").to(&letters[refused].email));
            bench.server.rule(Rule::reply(At::Data, "354 go on").to(&letters[refused].email));
        }
        let one = Pace { connections: 1, ..pace() };
        bench.sender_to(bench.smtp(one.dialogue), one).drain().await.unwrap();
        for (refused, sent) in [(0, 1), (2, 3)] {
            assert_eq!(bench.row(&letters[refused]).await, ("FAILED".to_owned(), 1, false));
            assert_eq!(bench.row(&letters[sent]).await, ("SENT".to_owned(), 1, false));
        }
        assert_eq!(bench.server.mails().len(), 2);
        assert_eq!(bench.server.seen().connections, 3);
    }

    /// A letter of a mass is named along with the text of the one before, where the server takes that. What a person waits for is
    /// tied to no other mail.
    async fn n5_a_mass_takes_one_exchange_a_mail(db: TestDatabase) {
        let one = Pace { connections: 1, ..pace() };
        for (extensions, together, ahead) in [(&["PIPELINING"][..], 4, 3), (&["PIPELINING"], 1, 0), (&[], 4, 0)] {
            let mut bench = Bench::new(&db).await;
            bench.server = SmtpServer::offering(extensions).await;
            for letters in bench.letters(4).chunks(together) {
                bench.deliver(&bench.mailing(), letters).await;
            }
            bench.sender_to(bench.smtp(one.dialogue), one).drain().await.unwrap();
            let seen = bench.server.seen();
            assert_eq!((seen.mails, seen.named_ahead), (4, ahead), "{extensions:?} {together}");
        }
    }

    /// A lost connection and a silent server are tried again over a new connection.
    async fn n3_lost_connections_and_silence_are_tried_again(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let hasty = Pace { connections: 1, dialogue: Duration::from_millis(200), ..pace() };
        for answer in [Answer::Close, Answer::Silence] {
            for at in [At::Greeting, At::Hello, At::Sender, At::Recipient, At::Data, At::Content] {
                let letter = bench.letter("ada@example.com");
                bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
                bench.server.be_kind();
                bench.server.rule(Rule::new(at, answer.clone()).times(1));
                let sender = bench.sender_to(bench.smtp(hasty.dialogue), hasty);
                sender.drain().await.unwrap();
                assert_eq!(bench.row(&letter).await, ("DEFERRED".to_owned(), 1, true), "{answer:?} {at:?}");
                bench.clock.advance(TimeDelta::minutes(3));
                sender.drain().await.unwrap();
                assert_eq!(bench.row(&letter).await, ("SENT".to_owned(), 2, false), "{answer:?} {at:?}");
            }
        }
        assert_eq!(bench.server.mails().len(), 12);
    }

    /// A domain that puts everything off is left alone; others are not.
    async fn n3_a_sick_server_slows_one_destination(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let sick: Vec<_> = (0..40).map(|number| bench.letter(&format!("p{number}@sick.example"))).collect();
        bench.deliver(&bench.mailing(), &sick).await;
        for letter in &sick {
            bench.server.rule(Rule::reply(At::Recipient, "451 4.3.0 overloaded").to(&letter.email));
        }
        let slow = Pace { connections: 1, ..pace() };
        let sender = bench.sender_to(bench.smtp(slow.dialogue), slow);
        sender.drain().await.unwrap();
        // Two claims of 16 were under way when patience ended.
        let tried = bench.server.seen().recipients;
        assert!((16..=32).contains(&tried), "{tried}");
        assert_eq!(bench.count("SELECT count(*) FROM destination WHERE name = 'sick.example'").await, 1);

        let well = bench.letters(20);
        assert!(well.iter().all(|letter| domain(letter) != "sick.example"));
        bench.deliver(&bench.mailing(), &well).await;
        sender.drain().await.unwrap();
        assert_eq!(bench.server.mails().len(), 20);
        assert_eq!(bench.server.seen().recipients, tried + 20);

        bench.server.be_kind();
        bench.clock.advance(TimeDelta::minutes(10));
        sender.drain().await.unwrap();
        assert_eq!(bench.server.mails().len(), 60);
        assert_eq!(bench.count("SELECT count(*) FROM destination").await, 0);
    }

    /// A server that takes nothing at all is left alone; nothing fails.
    async fn n3_a_server_that_is_away_is_waited_for(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letters = bench.letters(50);
        bench.deliver(&bench.mailing(), &letters).await;
        bench.server.rule(Rule::reply(At::Greeting, "554 no SMTP service here"));
        let slow = Pace { connections: 1, ..pace() };
        let sender = bench.sender_to(bench.smtp(slow.dialogue), slow);
        sender.drain().await.unwrap();
        let tried = bench.server.seen().connections;
        assert!((1..=32).contains(&tried), "{tried}");
        bench.server.be_kind();
        bench.clock.advance(TimeDelta::minutes(10));
        sender.drain().await.unwrap();
        assert_eq!(bench.server.mails().len(), 50);
    }

    /// Past the end of its link a letter is not sent at all.
    async fn n3_no_mail_is_tried_after_the_end_of_its_link(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let letter = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        bench.clock.advance(TimeDelta::days(7));
        bench.sender().drain().await.unwrap();
        assert_eq!(bench.server.seen().connections, 0);
        assert_eq!(bench.row(&letter).await, ("FAILED".to_owned(), 0, false));
        assert_eq!(
            bench.messages().await[0].error.as_deref(),
            Some("the link's life was over before the mail could be sent")
        );
    }

    /// A kept connection that the server has given up is replaced; the mail is not put off.
    async fn n3_a_connection_that_the_server_gave_up_is_replaced(db: TestDatabase) {
        let bench = Bench::new(&db).await;
        let one = Pace { connections: 1, ..pace() };
        for answer in [Answer::Close, Answer::Reply("421 4.7.0 too many mails".to_owned())] {
            let letters = bench.letters(3);
            bench.deliver(&bench.mailing(), &letters).await;
            let before = bench.server.seen();
            // The second MAIL of the first connection.
            bench.server.be_kind();
            bench.server.rule(Rule::new(At::Sender, answer).after(1).times(1));
            bench.sender_to(bench.smtp(one.dialogue), one).drain().await.unwrap();
            for letter in &letters {
                assert_eq!(bench.row(letter).await, ("SENT".to_owned(), 1, false));
            }
            assert_eq!(bench.server.seen().connections, before.connections + 2);
            assert_eq!(bench.server.seen().mails, before.mails + 3);
        }
    }

    /// User and password go to the server; a wrong one is the server's trouble, not the mail's.
    async fn r5_signing_in_to_the_mail_server(db: TestDatabase) {
        let mut bench = Bench::new(&db).await;
        bench.server = SmtpServer::offering(&["AUTH PLAIN"]).await;
        let letter = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        bench.server.rule(Rule::reply(At::SignIn, "535 5.7.8 wrong").times(1));
        let url = bench.server.url().replace("smtp://", "smtp://user:pass@") + "?tls=none";
        let smtp = |url: &str| MailTransport::Smtp(Smtp::new(SmtpUrl::parse(url).unwrap(), pace().dialogue, None));
        bench.sender_to(smtp(&url), pace()).drain().await.unwrap();
        assert_eq!(bench.row(&letter).await, ("DEFERRED".to_owned(), 1, true));
        bench.clock.advance(TimeDelta::minutes(2));
        bench.sender_to(smtp(&url), pace()).drain().await.unwrap();
        assert_eq!(bench.row(&letter).await, ("SENT".to_owned(), 2, false));
        assert_eq!(bench.server.sign_ins(), ["AUTH PLAIN AHVzZXIAcGFzcw=="; 2]);
    }

    /// Where TLS is required, neither mail nor password goes to a server without it.
    async fn r5_required_tls_is_required(db: TestDatabase) {
        let mut bench = Bench::new(&db).await;
        bench.server = SmtpServer::offering(&["AUTH PLAIN"]).await;
        let letter = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        let url = SmtpUrl::parse(&bench.server.url().replace("smtp://", "smtp://user:pass@")).unwrap();
        let smtp = MailTransport::Smtp(Smtp::new(url, pace().dialogue, None));
        bench.sender_to(smtp, pace()).drain().await.unwrap();
        assert_eq!(bench.row(&letter).await, ("DEFERRED".to_owned(), 1, true));
        assert_eq!(bench.server.sign_ins(), Vec::<String>::new());
        assert_eq!(bench.messages().await[0].error.as_deref(), Some("STARTTLS is not supported on this server"));
    }
}
