//! Fields of a row, each taken as it is meant where that can be told, and otherwise for absent.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Every field that any table is read for.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Fields<'a> {
    #[serde(borrow)]
    pub(super) pk: Text<'a>,
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) sha256sum: Text<'a>,
    #[serde(borrow)]
    pub(super) namespace: Text<'a>,
    #[serde(borrow)]
    pub(super) repository: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) digest: Text<'a>,
    #[serde(borrow)]
    pub(super) config_digest: Text<'a>,
    #[serde(borrow)]
    pub(super) layers: List<'a>,
}

/// A layer of a manifest: an object, or its digest alone.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LayerFields<'a> {
    #[serde(borrow)]
    pub(super) digest: Text<'a>,
    pub(super) size: Number,
    #[serde(borrow)]
    pub(super) media_type: Text<'a>,
    #[serde(borrow)]
    pub(super) urls: List<'a>,
}

/// A text; `None` for anything else.
#[derive(Debug, Default)]
pub(super) struct Text<'a>(pub(super) Option<Cow<'a, str>>);

/// A number that is not negative; `None` for anything else.
#[derive(Debug, Default)]
pub(super) struct Number(pub(super) Option<u64>);

/// A list, whose elements may be of any type.
#[derive(Debug, Default)]
pub(super) enum List<'a> {
    /// It is not there, or null.
    #[default]
    None,
    /// Its elements.
    Some(Vec<LayerFields<'a>>),
    /// Something else stands in its place.
    Odd,
}

/// A value of any type, of which a `T` keeps what it understands.
trait Lenient<'de>: Default {
    fn text(_: Cow<'de, str>) -> Self {
        Self::default()
    }
    fn number(_: u64) -> Self {
        Self::default()
    }
    fn null() -> Self {
        Self::default()
    }
    fn other() -> Self {
        Self::default()
    }
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Self::other())
    }
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Self::other())
    }
}

struct Any<T>(PhantomData<T>);

impl<'de, T: Lenient<'de>> Visitor<'de> for Any<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<T, E> {
        Ok(T::text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(T::text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<T, E> {
        Ok(T::number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_f64<E>(self, _: f64) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_bool<E>(self, _: bool) -> Result<T, E> {
        Ok(T::other())
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(T::null())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<T, A::Error> {
        T::list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::map(map)
    }
}

impl<'de> Lenient<'de> for Text<'de> {
    fn text(text: Cow<'de, str>) -> Self {
        Self(Some(text))
    }
}

impl<'de> Lenient<'de> for Number {
    fn number(number: u64) -> Self {
        Self(Some(number))
    }
}

impl<'de> Lenient<'de> for List<'de> {
    fn text(_: Cow<'de, str>) -> Self {
        Self::Odd
    }
    fn number(_: u64) -> Self {
        Self::Odd
    }
    fn other() -> Self {
        Self::Odd
    }
    fn list<A: SeqAccess<'de>>(mut list: A) -> Result<Self, A::Error> {
        let mut found = Vec::new();
        while let Some(Element(fields)) = list.next_element()? {
            found.push(fields);
        }
        Ok(Self::Some(found))
    }
}

/// An element of a list.
#[derive(Default)]
struct Element<'a>(LayerFields<'a>);

impl<'de> Lenient<'de> for Element<'de> {
    fn text(text: Cow<'de, str>) -> Self {
        Self(LayerFields { digest: Text(Some(text)), ..LayerFields::default() })
    }
    fn map<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        LayerFields::deserialize(MapAccessDeserializer::new(map)).map(Self)
    }
}

macro_rules! deserialize_leniently {
    ($($name:ty, $lifetime:lifetime;)*) => {$(
        impl<'de: $lifetime, $lifetime> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Any(PhantomData))
            }
        }
    )*};
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any(PhantomData))
    }
}

deserialize_leniently! {
    Text<'a>, 'a;
    List<'a>, 'a;
    Element<'a>, 'a;
}
