//! A real registry, filled by a real client; what is restored serves the same bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtrvault_tests::listing::{assert_same, listing};
use dtrvault_tests::{OciLayout, RegistryServer, Vault, plain_layer, skopeo};

const IMAGES: [&str; 4] = ["acme/app:1", "acme/app:2", "acme/deep/er/tool:latest", "acme/zstd:1"];

#[test]
fn a_restored_registry_serves_the_same_images() {
    let vault = Vault::init();
    let root = vault.at("registry");
    std::fs::create_dir(&root).unwrap();
    let mut layout = OciLayout::create(vault.at("layout"));
    let server = RegistryServer::start(&root, false);

    for build in [1, 2] {
        let layers = vec![plain_layer(1, 0), plain_layer(2, build)];
        layout.index(
            &build.to_string(),
            &[("amd64", layers.clone()), ("arm64", vec![plain_layer(3, build), layers[1].clone()])],
        );
        server.push(&layout, &build.to_string(), &format!("acme/app:{build}"));
        if build == 1 {
            layout.image("tool", &[plain_layer(4, 0)]);
            server.push(&layout, "tool", IMAGES[2]);
            skopeo(&[
                "copy",
                "--quiet",
                "--dest-tls-verify=false",
                "--dest-compress-format=zstd",
                &format!("oci:{}:tool", layout.path().display()),
                &server.image(IMAGES[3]),
            ]);
        }
        // The registry goes on while its root is read.
        vault.run(["snapshot", "--registry", "registry"]).ok();
    }
    let before: Vec<Vec<u8>> = IMAGES.iter().map(|name| server.manifest(name)).collect();
    drop(server);
    let source = listing(&root);
    std::fs::rename(&root, vault.at("lost")).unwrap();

    vault.run(["restore", "--snapshot", "latest", "--target", "restored"]).ok();
    let restored = vault.at("restored");
    let mut source = source;
    source.retain(|path, _| !path.contains("_uploads/"));
    let mut there = listing(&restored);
    // Folders of uploads are a registry's own to make.
    source.retain(|path, _| !path.ends_with("_uploads"));
    there.retain(|path, _| !path.ends_with("_uploads"));
    assert_same(&source, &there);

    let server = RegistryServer::start(&restored, true);
    for (name, manifest) in IMAGES.iter().zip(&before) {
        assert!(server.manifest(name) == *manifest, "{name}");
        let to = format!("pulled-{}", name.replace(['/', ':'], "-"));
        server.pull(name, &vault.at(to));
    }
    drop(server);

    // The evening before has the first build, and not the second.
    let first = vault.ids().remove(0);
    vault.run(["restore", "--snapshot", &first, "--target", "first"]).ok();
    let server = RegistryServer::start(&vault.at("first"), true);
    assert!(server.manifest(IMAGES[0]) == before[0]);
    let tags = vault.at("first/docker/registry/v2/repositories/acme/app/_manifests/tags");
    assert!(tags.join("1").exists() && !tags.join("2").exists());
}
