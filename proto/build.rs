//! Compiles the protocol files without protoc.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=usher");
    let files = [
        "usher/common/v1/common.proto",
        "usher/contacts/v1/contacts.proto",
        "usher/contacts/v1/segments.proto",
        "usher/contacts/v1/selection.proto",
        "usher/invitations/v1/batches.proto",
        "usher/invitations/v1/insight.proto",
        "usher/invitations/v1/invitations.proto",
        "usher/invitations/v1/recovery.proto",
        "usher/invitations/v1/members.proto",
        "usher/invitations/v1/service_accounts.proto",
        "usher/invitations/v1/sessions.proto",
        "usher/notifications/v1/notifications.proto",
        "usher/operations/v1/operations.proto",
    ];
    tonic_prost_build::configure()
        .bytes(".")
        .compile_fds(protox::compile(files, ["."])?)?;
    Ok(())
}
