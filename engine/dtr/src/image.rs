//! What an image of the engine says of itself.

use crate::engine::Engine;
use crate::error::{DtrError, Result};
use crate::names;
use crate::version::Version;

/// What an image says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFacts {
    /// The version of DTR, by its label, its environment, or its tag.
    pub version: Option<Version>,
}

impl ImageFacts {
    /// Looks at an image of the engine.
    ///
    /// # Errors
    /// [`DtrError::NoImage`]; what the engine says.
    pub fn of(engine: &Engine, image: &str) -> Result<Self> {
        let inside = match engine.handle().block_on(engine.docker().inspect_image(image)) {
            Ok(inside) => inside,
            Err(error) if DtrError::is_absence(&error) => {
                return Err(DtrError::NoImage { image: image.to_owned() });
            }
            Err(error) => return Err(DtrError::engine(format!("look at image {image}"))(error)),
        };
        let config = inside.config.unwrap_or_default();
        let label = config.labels.as_ref().and_then(|labels| labels.get(names::VERSION_LABEL)).cloned();
        let variable = config.env.iter().flatten().find_map(|variable| {
            let (name, value) = variable.split_once('=')?;
            (name == names::VERSION_VARIABLE).then(|| value.to_owned())
        });
        let tag = image.rsplit_once(':').map(|(_, tag)| tag.to_owned());
        let version = [label, variable, tag].into_iter().flatten().find_map(|text| text.parse().ok());
        Ok(Self { version })
    }
}
