//! Invitation mails a day (I17), and whose turn it is.

use crate::Ddl;

pub(super) fn up(ddl: &mut Ddl) {
    // A row a day for the organization, and one for each member who sends: `subject_id` is either. A recipient's own number
    // stands with the contact's portal access, whose row is written anyway.
    ddl.run(
        "CREATE TABLE mail_budget (organization_id uuid NOT NULL, day bigint NOT NULL, subject_id uuid NOT NULL, \
         used bigint NOT NULL, PRIMARY KEY (organization_id, day, subject_id))",
    );
    ddl.run("CREATE INDEX mail_budget_day ON mail_budget (day)");
    // Contacts of a batch who wait for their own budget; the others do not wait for them.
    ddl.run(
        "CREATE TABLE batch_waiting (batch_id uuid NOT NULL, contact_id uuid NOT NULL, organization_id uuid NOT NULL, \
         PRIMARY KEY (batch_id, contact_id))",
    );
    // When an organization last had a chunk of a batch worked on.
    ddl.run("CREATE TABLE batch_turn (organization_id uuid PRIMARY KEY, turn bigint NOT NULL)");
    ddl.run("CREATE INDEX batch_turn_turn ON batch_turn (turn)");
    ddl.tenant(&["mail_budget", "batch_waiting", "batch_turn"]);
}
