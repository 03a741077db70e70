//! `snapshot` of a whole DTR: `backup` by its own image, then image content, in one snapshot.

use std::sync::Arc;

use dtrvault_dtr::backup::BackupOptions;
use dtrvault_dtr::freeze::{self, Frozen};
use dtrvault_dtr::volume::Holder;
use dtrvault_dtr::{
    Cluster, Engine, Log, Owner, Replica, ReplicaId, Storage, Surroundings, VolumeSource, discover, sweep,
};
use dtrvault_format::DtrIdentity;
use dtrvault_registry::source::{Local, Source, WalkOptions};
use dtrvault_repo::Repository;

use super::api::ApiAccess;
use super::choose::{Chosen, choose};
use super::frozen::{Failure, WhileFrozen};
use super::{last, stop};
use crate::context::Context;
use crate::error::{OpsError, Result};
use crate::snapshot::{self, Backup, ImagesInput, Layers, MetadataInput, SnapshotOptions, SnapshotReport};

/// How a DTR is to be taken.
pub struct DtrSnapshotOptions {
    /// The replica; the one of the last snapshot unless it is named.
    pub replica: Option<ReplicaId>,
    /// How its metadata is backed up.
    pub backup: BackupOptions,
    /// Where image content is, when that is not for the replica to say.
    pub images: Option<Box<dyn Source>>,
    /// What of it is left out.
    pub walk: WalkOptions,
    /// How layers are stored.
    pub layers: Layers,
    /// Take a backup also when it lacks a table that it should have.
    pub allow_missing_tables: bool,
    /// Keep the registry read-only while metadata is read.
    pub freeze: bool,
    /// How DTR's API is reached, to freeze and to thaw.
    pub api: ApiAccess,
    /// Who runs this.
    pub owner: Owner,
    /// Words to find the snapshot by.
    pub tags: Vec<String>,
    /// Where it is taken.
    pub host: String,
    /// Name and version of the program.
    pub program: String,
    /// Files read at once.
    pub readers: usize,
}

/// What was taken.
#[derive(Debug, serde::Serialize)]
pub struct DtrSnapshotReport {
    /// The snapshot.
    pub snapshot: SnapshotReport,
    /// The replica it is of.
    pub replica: ReplicaId,
    /// The registry could not be let go, and is read-only still: why.
    pub still_frozen: Option<String>,
}

/// Takes a snapshot of the DTR that is on an engine.
///
/// # Errors
/// [`OpsError`]; nothing is recorded then.
pub fn run(
    repo: &Repository,
    engine: &Engine,
    mut options: DtrSnapshotOptions,
    context: &Context,
) -> Result<DtrSnapshotReport> {
    context.progress.stage("looking for DTR", None);
    let left_frozen = clean_up(engine, &options, context)?;
    let cluster = discover(engine)?;
    let chosen = choose_one(repo, &cluster, &options, context)?;
    let replica = &chosen.replica;
    let command = options.backup.command(replica)?;
    let mut dtr = DtrIdentity {
        version: replica.version.map(|version| version.to_string()).unwrap_or_default(),
        replica: Some(replica.id.to_string()),
        cluster: cluster.id.clone(),
        image: Some(command.image.clone()),
        storage: Some(replica.storage.kind().to_owned()),
        frozen: false,
    };
    let around = surroundings(&options, context);
    let source = match options.images.take() {
        Some(source) => source,
        None => source_of(engine, replica, &command.image, &around)?,
    };
    let failure = Failure::default();
    let frozen = if options.freeze { frozen(replica, engine, &options, context)? } else { None };
    dtr.frozen = frozen.is_some();
    // The registry is let go as soon as its metadata is read, or when that fails.
    let backup = command.read(engine, options.backup.patience, &around);
    let stream = WhileFrozen::new(backup?, frozen, failure.clone());
    let log = Arc::clone(&around.log);
    let metadata = MetadataInput {
        stream: Box::new(stream),
        name: format!("dtr-{}", replica.id),
        size: None,
        allow_truncated: false,
        allow_missing_tables: options.allow_missing_tables,
        backup: Some(Backup { dtr, log: Box::new(move || log.text()) }),
    };
    let images = ImagesInput { source, walk: options.walk, layers: options.layers };
    let taken = SnapshotOptions {
        metadata: Some(metadata),
        images: Some(images),
        tags: options.tags,
        host: options.host,
        program: options.program,
        readers: options.readers,
    };
    let snapshot = snapshot::run(repo, taken, context)?;
    if let Err(error) = last::note(repo, &snapshot.id, &snapshot.snapshot) {
        let warning = format!("which replica this is of could not be noted for the next run: {error}");
        context.progress.warn(&warning);
    }
    let still_frozen = failure.take().map(|error| OpsError::chain(&error)).or(left_frozen);
    Ok(DtrSnapshotReport { snapshot, replica: replica.id.clone(), still_frozen })
}

/// Makes good what runs left that have died. Gives why a registry could not be let go: that is no reason to go
/// without a backup of it.
fn clean_up(engine: &Engine, options: &DtrSnapshotOptions, context: &Context) -> Result<Option<String>> {
    let swept = sweep(engine, &options.owner)?;
    if swept > 0 {
        context.progress.warn(&format!("{swept} containers of a run that has died were removed"));
    }
    let access = &options.api;
    let mut still_frozen = None;
    for url in freeze::left_frozen(&access.notes, &options.owner) {
        let thawed = access
            .at(url.clone(), &options.backup.ucp, engine)
            .and_then(|api| Ok(freeze::thaw_left(&api, &access.notes, &options.owner, engine.handle())?));
        match thawed {
            Ok(false) => {}
            Ok(true) => context
                .progress
                .warn(&format!("{url} was left read-only by a run that has died; it may be written again")),
            Err(error) => still_frozen = Some(OpsError::chain(&error)),
        }
    }
    Ok(still_frozen)
}

fn choose_one(
    repo: &Repository,
    cluster: &Cluster,
    options: &DtrSnapshotOptions,
    context: &Context,
) -> Result<Chosen> {
    let last = last::find(repo, cluster)?;
    let chosen = choose(cluster, options.replica.as_ref(), last.as_ref())?;
    if let Some(warning) = &chosen.warning {
        context.progress.warn(warning);
    }
    if !cluster.has_quorum() {
        let (healthy, needed) = (cluster.healthy(), cluster.needed());
        context.progress.warn(&format!(
            "{healthy} of {} replicas are healthy, and DTR needs {needed}",
            cluster.replicas.len()
        ));
    }
    Ok(chosen)
}

fn surroundings(options: &DtrSnapshotOptions, context: &Context) -> Surroundings {
    let progress = Arc::clone(&context.progress);
    let log = Log::new(options.backup.ucp.masks(), Box::new(move |line| progress.said(line)));
    Surroundings { owner: options.owner.clone(), log: Arc::new(log), stop: stop(context) }
}

/// Image content of a replica: its folder where we can read it, else through the engine.
fn source_of(
    engine: &Engine,
    replica: &Replica,
    image: &str,
    around: &Surroundings,
) -> Result<Box<dyn Source>> {
    let storage = &replica.storage;
    if engine.is_local()
        && let Some(folder) = storage.mountpoint()
        && std::fs::read_dir(folder).is_ok()
    {
        return Ok(Box::new(Local::new(folder)?));
    }
    let Some(volume) = storage.volume() else {
        let place = match storage {
            Storage::Objects { driver } => format!("in {driver}"),
            Storage::Folder { mountpoint } => format!("in {} of its node", mountpoint.display()),
            _ => "where its containers do not say".to_owned(),
        };
        return Err(OpsError::ImagesElsewhere { replica: replica.id.to_string(), place });
    };
    let holder = Holder::new(engine, image, volume, true, &around.owner, around.stop.clone())?;
    Ok(Box::new(VolumeSource::new(holder, volume)))
}

fn frozen(
    replica: &Replica,
    engine: &Engine,
    options: &DtrSnapshotOptions,
    context: &Context,
) -> Result<Option<Frozen>> {
    let api = options.api.of(replica, &options.backup.ucp, engine)?;
    let frozen = freeze::freeze(&api, &options.api.notes, &options.owner, engine.handle())?;
    if frozen.is_none() {
        context.progress.warn("the registry is read-only already, and is left so");
    }
    Ok(frozen)
}
