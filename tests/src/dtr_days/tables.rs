//! Tables of DTR's database and what a row of each looks like. Field names that are publicly
//! known are used; the others are made up to the same effect.

use crate::Words;

/// A table.
pub(super) struct Table {
    /// Its folder.
    pub(super) name: &'static str,
    /// Its part of all rows, relative to that of the others.
    pub(super) share: u64,
    /// JSON of a row, by its number and the day it changed.
    pub(super) row: fn(u64, u64) -> String,
}

/// A grown registry: mostly events and scan results.
pub(super) const TABLES: &[Table] = &[
    Table { name: "blobs", share: 10, row: blob },
    Table { name: "blob_links", share: 12, row: blob_link },
    Table { name: "manifests", share: 8, row: manifest },
    Table { name: "tags", share: 10, row: tag },
    Table { name: "repositories", share: 1, row: repository },
    Table { name: "events", share: 35, row: event },
    Table { name: "scanned_images", share: 8, row: scanned_image },
    Table { name: "scanned_layers", share: 16, row: scanned_layer },
];

fn words(table: u64, row: u64, version: u64) -> (Words, Words) {
    // What a row is called stays, what it says changes.
    (Words::of(&[table, row, 9]), Words::of(&[table, row, version, 10]))
}

fn time(words: &mut Words) -> String {
    let [month, day, hour, minute, second] = [12, 28, 24, 60, 60].map(|limit| words.below(limit));
    let nanos = words.below(1_000_000_000);
    format!("2025-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z", month + 1, day + 1)
}

fn app(words: &mut Words) -> (String, String) {
    (format!("team{}", words.below(20)), format!("service-{}", words.below(400)))
}

fn blob(row: u64, version: u64) -> String {
    let (mut fixed, mut state) = words(0, row, version);
    let size = fixed.below(200_000_000);
    format!(
        r#"{{"id":"{}","sha256sum":"{}","size":{size},"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","createdAt":{{"$reql_type$":"TIME","epoch_time":{}.{:03},"timezone":"+00:00"}},"storageBackend":{{"driver":"filesystem","rootDirectory":"/storage","state":"COMMITTED","verifiedAt":"{}","checkedBy":"{}"}},"refs":{{"manifests":[],"countedAt":"{}","garbage":false,"generation":{version}}},"lastError":null,"schemaVersion":7}}"#,
        fixed.uuid(),
        fixed.hex64(),
        1_750_000_000 + fixed.below(15_000_000),
        fixed.below(1000),
        time(&mut state),
        state.uuid(),
        time(&mut state),
    )
}

fn blob_link(row: u64, version: u64) -> String {
    let (mut fixed, mut state) = words(1, row, version);
    let (team, name) = app(&mut fixed);
    let digest = fixed.hex64();
    format!(
        r#"{{"pk":"{team}/{name}@sha256:{digest}","namespace":"{team}","repository":"{name}","digest":"sha256:{digest}","linkedAt":{{"$reql_type$":"TIME","epoch_time":{},"timezone":"+00:00"}},"linkedBy":{{"id":"{}","name":"builder{}","isAdmin":false,"isOrg":false}},"mountedFrom":null,"session":"{}","stateChangedAt":"{}","state":"LINKED","garbageCollection":{{"marked":false,"markedAt":null,"jobID":null}},"schemaVersion":7}}"#,
        1_750_000_000 + fixed.below(15_000_000),
        fixed.uuid(),
        fixed.below(30),
        fixed.uuid(),
        time(&mut state),
    )
}

fn manifest(row: u64, version: u64) -> String {
    let (mut fixed, mut state) = words(2, row, version);
    let (team, name) = app(&mut fixed);
    let digest = fixed.hex64();
    // Base layers are few; the last layer is this image's own.
    let base = fixed.below(50);
    let mut layers: Vec<String> = (0..2).map(|layer| layer_of(&mut Words::of(&[base, layer, 11]))).collect();
    layers.push(layer_of(&mut fixed));
    format!(
        r#"{{"pk":"{team}/{name}@sha256:{digest}","digest":"sha256:{digest}","repository":"{team}/{name}","mediaType":"application/vnd.docker.distribution.manifest.v2+json","configDigest":"sha256:{}","configMediaType":"application/vnd.docker.container.image.v1+json","layers":[{}],"os":"linux","architecture":"amd64","author":"builder{}","pushedAt":"{}","dockerfile":[],"size":{},"seenAt":"{}"}}"#,
        fixed.hex64(),
        layers.join(","),
        fixed.below(30),
        time(&mut fixed),
        fixed.below(500_000_000),
        time(&mut state),
    )
}

fn layer_of(words: &mut Words) -> String {
    format!(
        r#"{{"digest":"sha256:{}","size":{},"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","urls":null}}"#,
        words.hex64(),
        words.below(200_000_000)
    )
}

fn tag(row: u64, version: u64) -> String {
    let (mut fixed, mut state) = words(3, row, version);
    let (team, name) = app(&mut fixed);
    let digest = state.hex64();
    format!(
        r#"{{"pk":"{team}/{name}:1.0.{row}","repository":"{team}/{name}","name":"1.0.{row}","digest":"sha256:{digest}","digestPK":"{team}/{name}@sha256:{digest}","author":{{"id":"{}","name":"builder{}"}},"createdAt":"{}","updatedAt":"{}","immutable":false,"inNotary":false,"hashMismatch":false,"promotion":{{"policyID":null,"sourceTag":null,"promotedAt":null}},"mirroring":{{"policyID":null,"digest":null,"lastStatus":"NONE"}},"vulnerabilityScan":{{"shouldRescan":false,"checkedAt":"{}"}},"schemaVersion":7}}"#,
        fixed.uuid(),
        fixed.below(30),
        time(&mut fixed),
        time(&mut state),
        time(&mut state),
    )
}

fn repository(row: u64, version: u64) -> String {
    let (mut fixed, mut state) = words(4, row, version);
    let (team, _) = app(&mut fixed);
    format!(
        r#"{{"id":"{}","pk":"{team}/service-{row}","namespace":"{team}","namespaceAccountID":"{}","name":"service-{row}","shortDescription":"Service {row} of {team}","longDescription":"","visibility":"private","scanOnPush":true,"immutableTags":false,"enableManifestLists":true,"tagLimit":0,"pulls":{},"pushes":{},"lastPulledAt":"{}","lastPushedAt":"{}","settings":{{"pruning":[],"promotion":[],"mirroring":[],"webhooks":[]}},"schemaVersion":7}}"#,
        fixed.uuid(),
        fixed.uuid(),
        state.below(1_000_000),
        state.below(10_000),
        time(&mut state),
        time(&mut state),
    )
}

fn event(row: u64, version: u64) -> String {
    let (mut fixed, mut state) = words(5, row, version);
    let (team, name) = app(&mut fixed);
    let kind = ["TAG", "CREATE", "SCAN", "PULL", "PROMOTION", "DELETE"][state.below(6) as usize];
    format!(
        r#"{{"id":"{}","publishedAt":"{}","actor":"{}","actorName":"builder{}","initiatedEvent":"","type":"{kind}","object":{{"id":"{}","type":"TAG","namespace":"{team}","repository":"{name}","tag":"1.0.{}","digest":"sha256:{}","resource":"{team}/{name}:1.0.{}"}},"isDenied":false,"request":{{"userAgent":"docker/20.10.17 go/go1.17.11 kernel/5.4.0 os/linux arch/amd64 UpstreamClient(Docker-Client/20.10.17)","remoteAddress":"10.{}.{}.{}","session":"{}"}},"schemaVersion":7}}"#,
        fixed.uuid(),
        time(&mut fixed),
        Words::of(&[fixed.below(30), 12]).uuid(),
        fixed.below(30),
        fixed.uuid(),
        fixed.below(1000),
        state.hex64(),
        fixed.below(1000),
        fixed.below(256),
        fixed.below(256),
        fixed.below(256),
        fixed.uuid(),
    )
}

fn scanned_image(row: u64, version: u64) -> String {
    let (mut fixed, mut state) = words(6, row, version);
    let (team, name) = app(&mut fixed);
    let [critical, major, minor] = [20, 80, 200].map(|limit| state.below(limit));
    format!(
        r#"{{"id":"{}","namespace":"{team}","reponame":"{name}","tag":"1.0.{}","manifestDigest":"sha256:{}","layers":["sha256:{}","sha256:{}"],"criticals":{critical},"majors":{major},"minors":{minor},"licenses":[],"lastScanStatus":6,"checkCompletedAt":"{}","checkStartedAt":"{}","shouldRescan":false,"hasForeignLayers":false,"scannerVersion":{{"database":{version},"build":"1.2.5-{:08x}"}},"schemaVersion":7}}"#,
        fixed.uuid(),
        fixed.below(1000),
        fixed.hex64(),
        Words::of(&[fixed.below(50), 13]).hex64(),
        fixed.hex64(),
        time(&mut state),
        time(&mut state),
        state.word() >> 32,
    )
}

fn scanned_layer(row: u64, version: u64) -> String {
    let (mut fixed, mut state) = words(7, row, version);
    let components: Vec<String> = (0..2 + fixed.below(6))
        .map(|_| {
            let number = fixed.below(3000);
            let [major, minor, patch] = [4, 20, 40].map(|limit| fixed.below(limit));
            let file = Words::of(&[number, major, minor, patch]).word();
            format!(r#"{{"component":"lib{number}","version":"{major}.{minor}.{patch}","license":"permissive","fullpath":["usr/lib/lib{number}.so.{major}"],"sha1":"{file:016x}"}}"#)
        })
        .collect();
    format!(
        r#"{{"digest":"sha256:{}","SHA256Sum":"{}","state":"SCANNED","scannedAt":"{}","jobID":"{}","components":[{}],"schemaVersion":7}}"#,
        fixed.hex64(),
        fixed.hex64(),
        time(&mut state),
        state.uuid(),
        components.join(","),
    )
}
