//! Recipes: whether what each blob is made of is there.

use dtrvault_format::{Digest, Recipe};
use dtrvault_repo::RepoError;

use super::Check;
use crate::error::Result;

impl Check<'_> {
    /// Follows every recipe.
    pub(super) fn blobs(&mut self) -> Result<()> {
        self.context.progress.stage("blobs", None);
        let mut unknown = 0_u64;
        let (context, damaged) = (self.context, &mut self.damaged_blobs);
        let is_cancelled = || context.cancel.is_cancelled();
        let mut recipes = self.reader.recipes(&self.lost, &is_cancelled);
        let mut done = |digest: Digest, sound: bool| {
            if !sound {
                damaged.insert(digest);
            }
            context.progress.advance(0, 1);
            Ok(())
        };
        let blobs = &mut self.report.blobs;
        let walked = self.repo.index().each_blob(|blob| {
            if is_cancelled() {
                return Err(RepoError::Aborted);
            }
            *blobs += 1;
            unknown += u64::from(matches!(blob.recipe, Recipe::Unknown { .. }));
            recipes.add(blob.digest, &blob.recipe, &mut done)
        });
        let walked = walked.and_then(|()| recipes.finish(&mut done));
        if unknown > 0 {
            self.context
                .progress
                .warn(&format!("{unknown} blobs were not checked: a later version wrote them"));
        }
        context.proceed()?;
        Ok(walked?)
    }

    /// What is wrong with the streams of one recipe, if anything is.
    pub(super) fn recipe_damage(&self, recipe: &Recipe) -> Result<Option<RepoError>> {
        let found = self.reader.recipe_damage(recipe, &self.lost, &|| self.context.cancel.is_cancelled());
        self.context.proceed()?;
        Ok(found?)
    }
}
