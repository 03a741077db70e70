//! Metadata tars of one registry, day by day, in the form of DTR's `backup`: one JSON file a row.
//!
//! From one day to the next a hundredth of the rows of every table change: half of them in a field, half are gone and
//! others come. Every day all rows are in another order within their table, numbered anew, and
//! timed anew. A row has 250 to 900 bytes, of which 150 to 250 are left after compression: hashes, ids, times.

use std::io::{self, Write};

use crate::bytes::Dice;

/// Tables, how many of a thousand rows each has, and what a row of it looks like.
const TABLES: [(&str, u64, Row); 9] = [
    ("blobs", 60, blob),
    ("blob_links", 120, blob_link),
    ("manifests", 60, manifest),
    ("tags", 70, tag),
    ("repositories", 4, repository),
    ("events", 450, event),
    ("scanned_images", 36, scanned_image),
    ("scanned_layers", 190, scanned_layer),
    ("properties", 10, property),
];

/// Makes a row of its own noise, and of the noise of what changed last.
type Row = fn(&mut Dice, &mut Dice, &mut Vec<u8>) -> io::Result<()>;

/// Writes the tar of day `day`, counted from 1, of a registry with about `rows` rows.
///
/// # Errors
/// Those of `out`.
pub fn write_day(rows: u64, day: u64, out: &mut impl Write) -> io::Result<()> {
    let mut order = Dice::new(day.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let root = "dtr-backup-v2.9.4-online";
    folder(out, root)?;
    folder(out, &format!("{root}/rethink"))?;
    let mut time = 1_704_000_000 + day * 86_400;
    let mut content = Vec::new();
    for (at, (table, share, row)) in TABLES.iter().enumerate() {
        folder(out, &format!("{root}/rethink/{table}"))?;
        let count = rows * share / 1000;
        let mut places: Vec<u32> = (0..u32::try_from(count).unwrap()).collect();
        for place in (1..places.len()).rev() {
            places.swap(place, order.below(place as u64 + 1) as usize);
        }
        for (number, place) in places.into_iter().enumerate() {
            let (born, changed) = history((at as u64) << 40 | u64::from(place), day);
            content.clear();
            row(&mut Dice::new(born), &mut Dice::new(changed), &mut content)?;
            // Some thousands a second.
            time += u64::from(order.below(3000) == 0);
            member(out, &format!("{root}/rethink/{table}/{number}"), b'0', 0o600, time, &content)?;
        }
    }
    out.write_all(&[0; 1024])
}

/// The noise that a row was born with, and that of its last change, until `day`.
fn history(place: u64, day: u64) -> (u64, u64) {
    let noise = |day: u64| Dice::new(place ^ day.wrapping_mul(0xd6e8_feb8_6659_fd93)).roll();
    let (mut born, mut changed) = (noise(1), 0);
    for later in 2..=day {
        match noise(later) % 200 {
            0 => (born, changed) = (noise(later), 0),
            1 => changed = noise(later),
            _ => {}
        }
    }
    (born, changed)
}

fn folder(out: &mut impl Write, name: &str) -> io::Result<()> {
    member(out, name, b'5', 0o700, 0, b"")
}

fn member(
    out: &mut impl Write,
    name: &str,
    kind: u8,
    mode: u32,
    time: u64,
    content: &[u8],
) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    let field = header.as_mut_bytes();
    field[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(time);
    header.set_size(content.len() as u64);
    header.set_cksum();
    out.write_all(header.as_bytes())?;
    out.write_all(content)?;
    let padding = content.len().next_multiple_of(512) - content.len();
    out.write_all(&[0; 512][..padding])
}

/// So many hexadecimal digits.
fn hex(dice: &mut Dice, digits: usize) -> String {
    let mut text = String::new();
    while text.len() < digits {
        text.push_str(&format!("{:016x}", dice.roll()));
    }
    text.truncate(digits);
    text
}

fn uuid(dice: &mut Dice) -> String {
    let digits = hex(dice, 32);
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

fn time_of(dice: &mut Dice) -> String {
    let (day, second, rest) = (dice.below(365), dice.below(86_400), dice.below(1_000_000_000));
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("2023-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{rest:09}Z", day / 31 + 1, day % 28 + 1)
}

fn repository_name(dice: &mut Dice) -> String {
    format!("team-{}/service-{}", dice.below(40), dice.below(300))
}

fn blob(own: &mut Dice, change: &mut Dice, out: &mut Vec<u8>) -> io::Result<()> {
    write!(
        out,
        r#"{{"id":"{}","sha256sum":"{}","size":{},"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","pushedAt":"{}","lastReferenced":"{}","uploads":null,"foreignURLs":[]}}"#,
        uuid(own),
        hex(own, 64),
        own.below(1 << 28),
        time_of(own),
        time_of(change)
    )
}

fn blob_link(own: &mut Dice, change: &mut Dice, out: &mut Vec<u8>) -> io::Result<()> {
    let name = repository_name(own);
    let (namespace, repository) = name.split_once('/').unwrap();
    let digest = hex(own, 64);
    write!(
        out,
        r#"{{"digest":"sha256:{digest}","id":"{}","namespace":"{namespace}","namespaceID":"{}","pk":"{namespace}/{repository}@sha256:{digest}","repository":"{repository}","repositoryID":"{}","linkedAt":"{}","checkedAt":"{}","pendingDeletion":false,"mountedFrom":null}}"#,
        uuid(own),
        uuid(&mut Dice::new(own.below(40))),
        uuid(&mut Dice::new(own.below(300))),
        time_of(own),
        time_of(change)
    )
}

fn manifest(own: &mut Dice, change: &mut Dice, out: &mut Vec<u8>) -> io::Result<()> {
    let (name, digest) = (repository_name(own), hex(own, 64));
    write!(
        out,
        r#"{{"pk":"{name}@sha256:{digest}","digest":"sha256:{digest}","repository":"{name}","configDigest":"sha256:{}","configMediaType":"application/vnd.docker.container.image.v1+json","mediaType":"application/vnd.docker.distribution.manifest.v2+json","createdAt":"{}","pulledAt":"{}","layers":["#,
        hex(own, 64),
        time_of(own),
        time_of(change)
    )?;
    for layer in 0..2 {
        let comma = if layer > 0 { "," } else { "" };
        write!(
            out,
            r#"{comma}{{"digest":"sha256:{}","size":{},"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip"}}"#,
            hex(&mut Dice::new(own.below(100_000)), 64),
            own.below(1 << 28)
        )?;
    }
    write!(out, "]}}")
}

fn tag(own: &mut Dice, change: &mut Dice, out: &mut Vec<u8>) -> io::Result<()> {
    let (name, tag) = (
        repository_name(own),
        format!("{}.{}.{}-{}", own.below(9), own.below(40), own.below(90), hex(own, 8)),
    );
    let digest = hex(change, 64);
    write!(
        out,
        r#"{{"pk":"{name}:{tag}","repository":"{name}","name":"{tag}","digest":"sha256:{digest}","digestPK":"{name}@sha256:{digest}","author":"{}","createdAt":"{}","updatedAt":"{}","inNotary":false,"hashMismatch":false,"mirroring":{{"digestMatch":false,"mirroringPolicyID":""}},"promotion":{{"promotionPolicyID":"","string":""}},"vulnSummary":null}}"#,
        uuid(&mut Dice::new(own.below(500))),
        time_of(own),
        time_of(change)
    )
}

fn repository(own: &mut Dice, change: &mut Dice, out: &mut Vec<u8>) -> io::Result<()> {
    write!(
        out,
        r#"{{"id":"{}","namespaceName":"team-{}","name":"service-{}","shortDescription":"{}","longDescription":"","visibility":"private","scanOnPush":true,"immutableTags":false,"enableManifestLists":true,"pulls":{},"pushes":{},"tagLimit":0,"updatedAt":"{}"}}"#,
        uuid(own),
        own.below(40),
        own.below(300),
        String::from_utf8_lossy(&own.text(120)).replace('\n', " "),
        change.below(100_000),
        change.below(10_000),
        time_of(change)
    )
}

fn event(own: &mut Dice, change: &mut Dice, out: &mut Vec<u8>) -> io::Result<()> {
    const TYPES: [&str; 5] = ["TAG", "PULL", "MANIFEST", "SCAN", "DELETE"];
    let (kind, name) = (TYPES[own.below(5) as usize], repository_name(own));
    let (object, tag) = (hex(own, 64), own.below(400));
    write!(
        out,
        r#"{{"id":"{}","publishedAt":"{}","actor":"{}","actorName":"user-{}","actorIsOrg":false,"actorIsSystem":false,"type":"{kind}","object":{{"type":"tag","id":"{name}:v{tag}","repository":"{name}","digest":"sha256:{object}","tag":"v{tag}"}},"target":{{"type":"repository","id":"{}","name":"{name}"}},"payload":{{"pk":"{name}:v{tag}","isReadOnly":false}},"eventsTableVersion":2,"seen":{}}}"#,
        uuid(own),
        time_of(own),
        uuid(&mut Dice::new(own.below(500))),
        own.below(500),
        uuid(&mut Dice::new(own.below(300))),
        change.below(1000)
    )
}

fn scanned_image(own: &mut Dice, change: &mut Dice, out: &mut Vec<u8>) -> io::Result<()> {
    let name = repository_name(own);
    write!(
        out,
        r#"{{"pk":"{name}@sha256:{}","repository":"{name}","digest":"sha256:{}","status":6,"lastScanStatus":6,"checkCompletedAt":"{}","shouldRescan":false,"hasForeignLayers":false,"critical":{},"major":{},"minor":{},"layerCount":{}}}"#,
        hex(own, 64),
        hex(own, 64),
        time_of(change),
        change.below(20),
        change.below(90),
        change.below(200),
        own.below(40)
    )
}

fn scanned_layer(own: &mut Dice, change: &mut Dice, out: &mut Vec<u8>) -> io::Result<()> {
    write!(
        out,
        r#"{{"sha256sum":"sha256:{}","id":"{}","scannedAt":"{}","scannerVersion":"2.0.{}","components":["#,
        hex(own, 64),
        uuid(own),
        time_of(change),
        change.below(20)
    )?;
    for component in 0..own.below(3) + 2 {
        let comma = if component > 0 { "," } else { "" };
        write!(
            out,
            r#"{comma}{{"component":"lib{}","version":"{}.{}.{}","license":{{"name":"mit","type":"permissive","url":""}},"vulns":[{{"cve":"CVE-20{}-{}","cvss":{}.{}}}],"fullpath":["/usr/lib/x86_64-linux-gnu/{}"]}}"#,
            own.below(2000),
            own.below(10),
            own.below(30),
            own.below(30),
            own.below(14) + 10,
            own.below(20_000),
            own.below(10),
            own.below(10),
            hex(own, 16)
        )?;
    }
    write!(out, "]}}")
}

fn property(own: &mut Dice, change: &mut Dice, out: &mut Vec<u8>) -> io::Result<()> {
    write!(out, r#"{{"key":"{}","value":"{}","changedAt":"{}"}}"#, uuid(own), hex(own, 200), time_of(change))
}
