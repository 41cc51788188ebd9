//! rotateServiceAccountSecret: two secrets live for a while, so that a program in many copies need not stop.

use usher_auth::{PermissionSet, Principal};
use usher_types::MemberId;

use super::{App, WithSecret, add_secret, refused, seen};
use crate::app::Failure;
use crate::domain::client_secret::{end_of_former, read_overlap};
use crate::storage::{client_secret, member, session};

impl App {
    /// A further secret. The newest one before lives on for the overlap, of `seconds`; all others end, with the tokens that
    /// they have got. Whoever has the secret can do what the account may, so this needs all of that.
    ///
    /// # Errors
    /// Refusals with the codes of `ServiceAccountErrorCode`.
    pub(crate) async fn rotate_service_account_secret(
        &self,
        principal: &Principal,
        id: Option<MemberId>,
        seconds: Option<i64>,
    ) -> Result<WithSecret, Failure> {
        let overlap = read_overlap(seconds).map_err(refused)?;
        let desk = self.desk(principal).await?;
        let mut account = desk.service_account(id).await?;
        desk.may_change(PermissionSet::NONE, account.permissions)?;
        let whose = (desk.organization(), account.id);
        let live = client_secret::live_of(&desk.tx, whose.0, [whose.1], desk.now).await?;
        let newest = live.get(&account.id).and_then(|secrets| secrets.first());
        let kept = newest
            .map(|secret| (secret.id, end_of_former(secret.expires_at, overlap, desk.now)))
            .filter(|(_, until)| *until > desk.now);
        client_secret::keep_only(&desk.tx, whose, kept).await?;
        let kept_id = kept.map(|(id, _)| id);
        session::end_of_other_secrets(&desk.tx, whose, kept_id, desk.now).await?;
        let secret = add_secret(&desk, &account, &self.tokens.token()).await?;
        member::update(&desk.tx, &mut account, desk.now).await?;
        let former = match kept {
            Some((_, until)) => format!("the one before lives until {}", until.format("%F %T UTC")),
            None => "none before it lives".to_owned(),
        };
        let summary = format!(
            "Gave the service account {} another secret; {former}",
            account.display_name
        );
        desk.log(&account, "service_account.secret_rotated", summary)
            .await?;
        let account = seen(&desk, account).await?;
        desk.tx.commit().await?;
        Ok((account, secret))
    }
}
