//! A second organization beside the first.

use serde_json::json;

use crate::{ADMIN_PASSWORD, Client, Process, Setting, System};

impl System {
    /// An embedded system with two organizations, the second made by an operator while nothing ran.
    ///
    /// # Panics
    /// As [`System::start`].
    pub async fn start_with_second_organization() -> Self {
        let mut system = Self::start(Setting::Embedded).await;
        let own = system
            .admin()
            .payload("query { organization { slug } }", json!({}))
            .await;
        system.slug = own["slug"].as_str().map(str::to_owned);
        for mut process in std::mem::take(&mut system.processes) {
            assert!(process.stop().await.success(), "usher stops:\n{}", process.log());
        }
        let add = [
            "organization",
            "add",
            "--slug",
            "second",
            "--name",
            "Second",
            "--admin-email",
            "second@example.com",
        ];
        let mut command = Process::start("usher", &add, &system.environment, system.folder.path());
        assert!(
            command.ended().await.success(),
            "usher organization add:\n{}",
            command.log()
        );
        system.launch("usher");
        system.wait_until_ready().await;
        system.admin = Some(system.sign_in_again().await);
        let token = system
            .mailbox()
            .only_mail_to("second@example.com")
            .await
            .link_token();
        let accept = "mutation Accept($input: AcceptInvitationInput!) {
          acceptInvitation(input: $input) { accepted userErrors { code message } } }";
        let nobody = system.nobody();
        nobody
            .done(
                accept,
                json!({ "input": { "token": token, "password": ADMIN_PASSWORD } }),
            )
            .await;
        let other = nobody
            .sign_in("second@example.com", ADMIN_PASSWORD, "MEMBER", Some("second"))
            .await;
        system.other_admin = Some(other);
        system
    }

    /// The second organization's administrator.
    ///
    /// # Panics
    /// Where there is no second organization.
    #[must_use]
    pub fn other_admin(&self) -> &Client {
        self.other_admin.as_ref().expect("a second organization")
    }
}
