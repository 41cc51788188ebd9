//! GraphiQL: embedded, complete, made from what stands beside it, and in development alone.

use std::collections::BTreeSet;
use std::path::Path;

use http::StatusCode;
use sha2::{Digest, Sha256};

use super::harness::Harness;
use super::pages::get;

const ASSETS: [(&str, &str); 6] = [
    ("main.js", "text/javascript; charset=utf-8"),
    ("main.css", "text/css; charset=utf-8"),
    ("editor.worker.js", "text/javascript; charset=utf-8"),
    ("graphql.worker.js", "text/javascript; charset=utf-8"),
    ("json.worker.js", "text/javascript; charset=utf-8"),
    ("licenses.txt", "text/plain; charset=utf-8"),
];

#[tokio::test]
async fn graphiql_is_served_in_development_alone() {
    let (development, production) = (Harness::new(), Harness::with(&[("mode", "production")]));
    let page = get(&development, "/").await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(
        page.header("content-security-policy"),
        Some(
            "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; style-src 'self' \
             'unsafe-inline'; font-src data:; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
        )
    );
    assert_eq!(get(&production, "/").await.status, StatusCode::NOT_FOUND);
    for (name, kind) in ASSETS {
        let path = format!("/assets/graphiql/{name}");
        let asset = get(&development, &path).await;
        assert_eq!(asset.status, StatusCode::OK, "{name}");
        assert_eq!(asset.header("content-type"), Some(kind), "{name}");
        assert_eq!(asset.header("content-encoding"), Some("gzip"), "{name}");
        assert_eq!(
            asset.header("content-security-policy"),
            Some("default-src 'none'"),
            "{name}"
        );
        assert_eq!(
            get(&production, &path).await.status,
            StatusCode::NOT_FOUND,
            "{name}"
        );
    }
    let other = get(&development, "/assets/graphiql/sources.sha256").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[test]
fn the_embedded_graphiql_is_made_from_what_stands_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("graphiql");
    let entries = std::fs::read_dir(folder.join("src")).unwrap();
    let parts = entries.map(|entry| format!("src/{}", entry.unwrap().file_name().to_str().unwrap()));
    let files = ["build.mjs", "package-lock.json", "package.json"].map(str::to_owned);
    let now: BTreeSet<String> = parts
        .chain(files)
        .map(|file| {
            let hash = Sha256::digest(std::fs::read(folder.join(&file)).unwrap());
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{hash}  {file}")
        })
        .collect();
    let built = std::fs::read_to_string(folder.join("dist/sources.sha256")).unwrap();
    let built: BTreeSet<String> = built.lines().map(str::to_owned).collect();
    assert_eq!(now, built, "gateway/graphiql/dist is stale: run `make graphiql`");
}
