//! Somebody sits at a terminal: is asked for passwords, which do not show, and before what cannot be taken back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use dtrvault_tests::dtr::{Dtr, Layout};
use dtrvault_tests::{Vault, at_terminal, listing, with_engine};

#[test]
fn the_password_of_a_repository_is_asked_for() {
    let mut vault = Vault::new();
    vault.set("DTRVAULT_PASSWORD", None);
    let new = [(": ", "open sesame"), ("once more", "open sesame")];
    let made = at_terminal(&vault.command(["init"]), &new).ok();
    assert!(!made.text().contains("open sesame"), "it shows");
    let asked = at_terminal(&vault.command(["snapshots"]), &[("Password of", "open sesame")]).ok();
    assert!(!asked.text().contains("open sesame"), "it shows");
    at_terminal(&vault.command(["snapshots"]), &[("Password of", "open barley")]).exits(12);
    let differ = [(": ", "open sesame"), ("once more", "open barley")];
    at_terminal(&vault.command(["key", "add"]), &[&[("Password of", "open sesame")], &differ[..]].concat())
        .exits(2)
        .tells("differ");
}

#[test]
fn a_dtr_is_taken_and_brought_back_by_somebody_who_answers() {
    with_engine("a_dtr_is_taken_and_brought_back_by_somebody_who_answers", |engine| {
        let dtr = Dtr::start(&engine, "2.9.29", Layout::new(1));
        let mut vault = dtr.vault();
        let password = dtr.environment().into_iter().find(|(name, _)| name == "UCP_PASSWORD").unwrap().1;
        vault.set("UCP_PASSWORD", None);
        let password = ("Password of", password.as_str());
        let taken = at_terminal(&vault.command(["snapshot", "--with-uploads"]), &[password]).ok();
        assert!(!taken.text().contains(password.1), "it shows");
        let offline = vault.command(["snapshot", "--offline-backup"]);
        at_terminal(&offline, &[("[y/N]", "n")]).exits(2).tells("load balancer").tells("nothing was done");
        assert_eq!(vault.ids().len(), 1);

        let (rows, images) = (dtr.rows(), listing::listing(&dtr.registry_folder()));
        let stands = (dtr.containers(), dtr.volumes());
        let restore = vault.command(["restore", "--snapshot", "latest", "--destroy"]);
        let id = "type the replica's id";
        at_terminal(&restore, &[password, (id, "yes")]).exits(2).tells("nothing was done");
        assert_eq!((dtr.containers(), dtr.volumes()), stands);
        let back = at_terminal(&restore, &[password, (id, dtr.replica())]).ok();
        back.tells("DESTROY volume").tells("3 of 3 tags can be pulled");
        assert!(dtr.rows() == rows);
        assert_eq!(listing::listing(&dtr.registry_folder()), images);
    });
}
