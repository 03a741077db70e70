//! Image content on its way back: into the volume's folder where that is ours, else through the
//! engine; or to wherever the operator says.

use dtrvault_dtr::volume::{self, Holder};
use dtrvault_registry::target::{Local, Target};

use super::plan::{ImagesPlan, Place};
use super::{DtrRestoreOptions, Run};
use crate::error::Result;
use crate::export::{self, ExportOptions, Part};
use crate::restore::{self, RestoreOptions, RestoreReport, Want};

impl Run<'_> {
    /// Puts image content back. What stands there already, and is right, is kept.
    pub(super) fn put_images_back(&self, images: &ImagesPlan) -> Result<RestoreReport> {
        match &images.place {
            Place::Elsewhere => match &self.options.images_to {
                Some(target) => self.restore(target.as_ref()),
                None => Ok(RestoreReport::default()),
            },
            Place::Volume(name) => {
                let folder = volume::make(self.engine, name)?;
                if self.engine.is_local() && std::fs::read_dir(&folder).is_ok() {
                    self.restore(&Local::new(&folder))
                } else {
                    self.send(name)
                }
            }
        }
    }

    /// Holds image content against its digests where it is now, and mends what is not right.
    pub(super) fn prove(&self, images: &ImagesPlan) -> Result<Option<RestoreReport>> {
        self.context.progress.stage("proving", Some(images.bytes));
        match &images.place {
            Place::Volume(name) => {
                let folder = volume::make(self.engine, name)?;
                if self.engine.is_local() && std::fs::read_dir(&folder).is_ok() {
                    return self.restore(&Local::new(&folder)).map(Some);
                }
                self.context.progress.warn(
                    "the volume's folder cannot be read from here, so what DTR made of it was not looked at: \
                     take a snapshot, which does",
                );
                Ok(None)
            }
            Place::Elsewhere => Ok(None),
        }
    }

    fn restore(&self, target: &dyn Target) -> Result<RestoreReport> {
        restore::run(
            self.repo,
            target,
            &restore_options(self.options, &self.plan.snapshot.to_string()),
            self.context,
        )
    }

    /// Sends a tar to the engine. Every blob in it is held against its digest as it goes.
    fn send(&self, volume: &str) -> Result<RestoreReport> {
        let (around, plan) = (&self.around, self.plan);
        let holder =
            Holder::new(self.engine, &plan.image, volume, false, &around.owner, around.stop.clone())?;
        let id = plan.snapshot;
        let what = ExportOptions { snapshot: id.to_string(), part: Some(Part::Images), prefix: Vec::new() };
        let sent = holder.fill(|out| export::run(self.repo, &what, out, self.context))??;
        Ok(RestoreReport {
            snapshot: Some(id),
            target: format!("volume {volume}"),
            bytes: sent.bytes,
            left_out: sent.left_out,
            ..RestoreReport::default()
        })
    }
}

pub(super) fn restore_options(options: &DtrRestoreOptions, snapshot: &str) -> RestoreOptions {
    RestoreOptions {
        snapshot: snapshot.to_owned(),
        metadata: Want::No,
        images: Want::Must,
        include: None,
        allow_existing: true,
        dry_run: false,
        writers: options.writers,
    }
}
