//! Mail servers that have to be who they say they are (R5).

use usher_notifications::transport::{Greeted, MailTransport, Smtp, SmtpUrl};
use usher_testkit::TestDatabase;
use usher_testkit::mail::SmtpServer;
use usher_testkit::tls::{Authority, TlsFront};
use usher_tls::Authorities;

use crate::bench::{Bench, pace};

const UNKNOWN: &str =
    "the mail server cannot be trusted: its certificate is signed by an authority that we do not know";
const OTHER_NAME: &str = "the mail server cannot be trusted: its certificate is not trusted: certificate not valid for name \"127.0.0.1\"; \
     certificate is only valid for DnsName(\"localhost\")";

fn smtp(url: &str, trusted: Option<&Authority>) -> MailTransport {
    let authorities = trusted.map(|authority| Authorities::parse(authority.pem()).unwrap());
    MailTransport::Smtp(Smtp::new(
        SmtpUrl::parse(url).unwrap(),
        pace().dialogue,
        authorities,
    ))
}

usher_testkit::dialects! {
    /// Password and mail go out once the connection is encrypted, to nobody else.
    async fn r5_mail_goes_out_over_starttls_to_a_server_of_a_trusted_authority(db: TestDatabase) {
        let authority = Authority::new();
        let mut bench = Bench::new(&db).await;
        bench.server = SmtpServer::encrypting(&["AUTH PLAIN", "PIPELINING"], &authority.identity("localhost")).await;
        let letter = bench.letter("ada@example.com");
        bench.deliver(&bench.mailing(), std::slice::from_ref(&letter)).await;
        let url = bench.server.url().replace("smtp://127.0.0.1", "smtp://user:pass@localhost");

        let stranger = smtp(&url, Some(&Authority::new()));
        bench.sender_to(stranger, pace()).drain().await.unwrap();
        assert_eq!(bench.row(&letter).await, ("DEFERRED".to_owned(), 1, true));
        assert_eq!(bench.messages().await[0].error.as_deref(), Some(UNKNOWN));
        assert_eq!(bench.server.sign_ins(), Vec::<String>::new());

        bench.clock.advance(chrono::TimeDelta::minutes(2));
        bench.sender_to(smtp(&url, Some(&authority)), pace()).drain().await.unwrap();
        assert_eq!(bench.row(&letter).await, ("SENT".to_owned(), 2, false));
        assert_eq!((bench.server.seen().encrypted, bench.server.mails().len()), (1, 1));
    }
}

#[tokio::test]
async fn r5_a_mail_server_has_to_have_its_own_name_and_a_known_authority() {
    let authority = Authority::new();
    let identity = authority.identity("localhost");
    let starttls = SmtpServer::encrypting(&[], &identity).await;
    let plain = SmtpServer::start().await;
    let front = TlsFront::of(plain.url().trim_start_matches("smtp://"), &identity).await;
    let port = starttls.url().rsplit(':').next().unwrap().to_owned();
    let good = Greeted {
        encrypted: true,
        signed_in: false,
    };
    for (scheme, port) in [("smtp", port), ("smtps", front.port().to_string())] {
        let to = |host: &str| format!("{scheme}://{host}:{port}");
        let right = smtp(&to("localhost"), Some(&authority));
        assert_eq!(right.greet().await, Ok(Some(good)), "{scheme}");
        assert_eq!(right.hopeless().await, None);
        for (url, trusted, reason) in [
            (to("localhost") + "?tls=required", None, UNKNOWN),
            (to("localhost"), Some(&Authority::new()), UNKNOWN),
            (to("127.0.0.1"), Some(&authority), OTHER_NAME),
        ] {
            let wrong = smtp(&url, trusted);
            assert_eq!(wrong.greet().await, Err(reason.to_owned()), "{url}");
            assert_eq!(wrong.hopeless().await.as_deref(), Some(reason), "{url}");
        }
    }
    assert_eq!((starttls.mails(), plain.mails()), (Vec::new(), Vec::new()));
}

/// Who names an authority wants encryption, also where the address leaves it to the server.
#[tokio::test]
async fn r5_with_an_authority_an_unencrypted_server_gets_nothing() {
    let server = SmtpServer::start().await;
    let greeted = smtp(&server.url(), Some(&Authority::new())).greet().await;
    assert_eq!(
        greeted,
        Err("STARTTLS is not supported on this server".to_owned())
    );
    let greeted = smtp(&server.url(), None).greet().await;
    assert_eq!(
        greeted,
        Ok(Some(Greeted {
            encrypted: false,
            signed_in: false
        }))
    );
}
