//! Administrators, who have every permission, get the one to see and replay dead letters.

use crate::Ddl;

/// What their bundle was before, and is now.
const BEFORE: &str = r#"["contacts.read","contacts.write","contacts.import","contacts.export","sensitive.export","portal.invite","email.bulk","portal.impersonate","settings.write","members.manage"]"#;

pub(super) fn up(ddl: &mut Ddl) {
    let now = BEFORE.replace(']', ",\"operations.manage\"]");
    // The version goes up, as with every change of a member.
    ddl.run(&format!(
        "UPDATE member SET permissions = '{now}', version = version + 1 WHERE role = 'ADMINISTRATOR' AND permissions = '{BEFORE}'"
    ));
}
