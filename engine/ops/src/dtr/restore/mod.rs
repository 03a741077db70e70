//! `restore` into DTR: what is left is destroyed, images are put back, and a new replica is
//! installed from the metadata.
//!
//! First a [`Plan`], which looks and changes nothing; then [`run`], which does what it says. A run that was cut off
//! is gone on with by running it again: a journal says how far it was.

mod journal;
mod plan;
mod refusal;
mod volume;

use std::path::PathBuf;
use std::sync::Arc;

use dtrvault_dtr::restore::{InstallOptions, NewStorage};
use dtrvault_dtr::{DtrError, Engine, Log, Owner, Remains, ReplicaId, Secret, Surroundings, Ucp};
use dtrvault_format::SnapshotId;
use dtrvault_registry::target::Target;
use dtrvault_repo::Repository;
use dtrvault_repo::read::{Proof, Reader};

use super::{ApiAccess, stop};
use crate::content::read_blob;
use crate::context::Context;
use crate::error::{OpsError, Result};
use crate::proof::{self, ProofReport};
use crate::restore::RestoreReport;
use journal::Journal;

pub use plan::{ImagesPlan, Place, Plan, plan};
pub use refusal::{Gate, Refusal};

/// What is to be done where the API could not be reached.
const STILL_FROZEN: &str = "the registry is read-only, as it was while the snapshot was taken: switch that off on DTR's settings page";

/// How a DTR is to be restored.
pub struct DtrRestoreOptions {
    /// Beginning of the snapshot's id, or `latest`.
    pub snapshot: String,
    /// Install from the metadata.
    pub metadata: bool,
    /// Put image content back.
    pub images: bool,
    /// The image; that of the snapshot unless it is given.
    pub image: Option<String>,
    /// The id of the new replica; that of the snapshot unless it is given.
    pub replica: Option<ReplicaId>,
    /// Where the new replica keeps image content.
    pub storage: NewStorage,
    /// The place of image content, when it is no volume of the engine.
    pub images_to: Option<Box<dyn Target>>,
    /// The account that may.
    pub ucp: Ucp,
    /// How DTR's API is reached, to let a registry go that was frozen when the snapshot was taken.
    pub api: ApiAccess,
    /// Take nothing but the configuration out of the tar.
    pub config_only: bool,
    /// Let DTR say more.
    pub debug: bool,
    /// More flags of DTR's `restore`.
    pub arguments: Vec<String>,
    /// More of its environment.
    pub variables: Vec<(String, Secret)>,
    /// How long DTR may say nothing.
    pub patience: std::time::Duration,
    /// Gates that are left open.
    pub allowed: Vec<Gate>,
    /// Who runs this.
    pub owner: Owner,
    /// The folder of journals.
    pub journals: PathBuf,
    /// Files written at once.
    pub writers: usize,
}

/// What was restored.
#[derive(Debug, serde::Serialize)]
pub struct DtrRestoreReport {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The replica.
    pub replica: ReplicaId,
    /// What was taken away before.
    pub destroyed: Remains,
    /// Image content, when it was put back.
    pub images: Option<RestoreReport>,
    /// Image content as it was found afterwards, file by file against its digest.
    pub proof: Option<RestoreReport>,
    /// Whether every tag leads to blobs that are back.
    pub tags: Option<ProofReport>,
    /// Bytes of metadata that DTR took.
    pub metadata_bytes: Option<u64>,
    /// Whether the registry, read-only in its metadata since it was frozen for the snapshot, may be written again.
    pub thawed: Option<bool>,
    /// What only the operator can do.
    pub still_to_do: Vec<&'static str>,
}

/// Does what the plan says.
///
/// # Errors
/// [`OpsError::Refused`] when a gate of the plan is closed; those of the engine, of DTR, of the repository. What was
/// done until then stands, and the next run goes on from there.
pub fn run(
    repo: &Repository,
    engine: &Engine,
    options: &DtrRestoreOptions,
    plan: &Plan,
    context: &Context,
) -> Result<DtrRestoreReport> {
    if !plan.refusals.is_empty() {
        return Err(OpsError::Refused { refusals: plan.refusals.clone() });
    }
    let run = Run {
        repo,
        engine,
        options,
        plan,
        context,
        install: plan.install(options),
        around: surroundings(options, context),
        journal: Journal::new(&options.journals, &plan.replica),
    };
    let mut report = DtrRestoreReport {
        snapshot: plan.snapshot,
        replica: plan.replica.clone(),
        destroyed: Remains::default(),
        images: None,
        proof: None,
        tags: None,
        metadata_bytes: None,
        thawed: None,
        still_to_do: plan.still_to_do(options),
    };
    dtrvault_dtr::sweep(engine, &options.owner)?;
    if options.metadata {
        report.destroyed = run.clear()?;
    }
    if let Some(images) = &plan.images {
        report.images = Some(run.put_images_back(images)?);
    }
    if options.metadata {
        report.metadata_bytes = Some(run.install_anew()?);
        // What stands from here on is a replica, and no remains that a later run may take away unasked.
        run.journal.remove()?;
        report.thawed = run.thaw();
        if report.thawed == Some(false) {
            report.still_to_do.insert(0, STILL_FROZEN);
        }
        // DTR may have touched the volume: what stands there now is what counts.
        if let Some(images) = &plan.images {
            report.proof = run.prove(images)?;
            report.tags = Some(proof::run(repo, &plan.snapshot.to_string(), context)?);
        }
    }
    Ok(report)
}

fn surroundings(options: &DtrRestoreOptions, context: &Context) -> Surroundings {
    let mut masks = options.ucp.masks();
    options.variables.iter().for_each(|(_, secret)| masks.add(secret));
    let progress = Arc::clone(&context.progress);
    let log = Log::new(masks, Box::new(move |line| progress.said(line)));
    Surroundings { owner: options.owner.clone(), log: Arc::new(log), stop: stop(context) }
}

/// What one run works with.
struct Run<'a> {
    repo: &'a Repository,
    engine: &'a Engine,
    options: &'a DtrRestoreOptions,
    plan: &'a Plan,
    context: &'a Context,
    install: InstallOptions,
    around: Surroundings,
    journal: Journal,
}

impl Run<'_> {
    /// Takes away what is left of the replica.
    fn clear(&self) -> Result<Remains> {
        let plan = self.plan;
        if plan.goes_on {
            // What our own attempt made; it goes without DTR, which would take the images along.
            plan.remains.remove(self.engine)?;
            return Ok(plan.remains.clone());
        }
        if plan.destroys(self.options) {
            self.context.progress.stage("destroying", None);
            self.destroy()?;
        }
        self.journal.write(&plan.snapshot)?;
        Ok(plan.remains.clone())
    }

    /// Runs DTR's own `destroy`, and removes what that leaves.
    fn destroy(&self) -> Result<()> {
        let done = self.install.destroy(self.engine, &self.around);
        let left = Remains::find(self.engine, &self.plan.replica)?;
        // Of a replica without containers DTR may know nothing, and refuse; one whose destruction was cut off may
        // have gone meanwhile.
        if !left.containers.is_empty() {
            done?;
        }
        Ok(left.remove(self.engine)?)
    }

    /// Installs the replica. Where an earlier attempt was cut off, DTR may remember more of that than the engine shows,
    /// and refuse: then all of it is destroyed, and the images are put back once more. What else DTR may remember could
    /// run on another node, and is the operator's to give up.
    fn install_anew(&self) -> Result<u64> {
        let failure = match self.install() {
            Err(failure @ OpsError::Dtr(DtrError::Failed { .. })) => failure,
            done => return done,
        };
        let asked = self.options.allowed.contains(&Gate::Remains);
        let ours = self.plan.goes_on && !self.plan.remains.is_empty();
        if !asked && !ours {
            self.context.progress.warn(
                "if DTR refuses because it remembers a replica of this id: make sure that none runs on another node, \
                 then run this again with --destroy",
            );
        }
        if !self.plan.goes_on || !(asked || ours) {
            return Err(failure);
        }
        if self.install.destroy(self.engine, &self.around).is_err() {
            return Err(failure);
        }
        Remains::find(self.engine, &self.plan.replica)?.remove(self.engine)?;
        if let Some(images) = &self.plan.images {
            self.put_images_back(images)?;
        }
        self.install()
    }

    /// Lets the registry be written again that was frozen for the snapshot, and says so in its metadata. Gives whether
    /// that was done, where there was need.
    fn thaw(&self) -> Option<bool> {
        self.plan.dtr.frozen.then(|| {
            let (options, plan) = (self.options, self.plan);
            let done = options.api.let_go(&plan.replica, &options.ucp, self.engine, self.context);
            if let Err(error) = &done {
                let why = OpsError::chain(error);
                self.context.progress.warn(&format!("the registry could not be made writable again: {why}"));
            }
            done.is_ok()
        })
    }

    /// Installs the replica from the metadata. Gives the bytes that DTR took.
    fn install(&self) -> Result<u64> {
        let (_, snapshot) = self.repo.find_snapshot(&self.plan.snapshot.to_string())?;
        let part = snapshot.metadata.as_ref().ok_or_else(|| self.plan.no_part("metadata"))?;
        let reader = Reader::new(self.repo)?;
        let tar = read_blob(&reader, &part.digest, Proof::Chunks, self.context)?;
        self.context.progress.stage("installing", Some(part.size));
        let progress = &self.context.progress;
        let sent = |bytes| progress.advance(bytes, 0);
        match self.install.install(self.engine, tar, &sent, &self.around) {
            // What cannot be read from the repository is the repository's failure.
            Err(DtrError::Input { source, command }) => {
                let otherwise = |source| OpsError::Dtr(DtrError::Input { command, source });
                Err(OpsError::from_io(source, otherwise))
            }
            Err(error) => Err(error.into()),
            Ok(()) => Ok(part.size),
        }
    }
}
