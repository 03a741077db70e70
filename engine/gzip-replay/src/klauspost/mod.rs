//! The encoder of `github.com/klauspost/compress/flate`, which skopeo, buildah, podman and
//! containerd use.

mod blocks;
mod chains;
mod encode;
mod fast;
mod greedy;
mod lazy;
mod one_table;
pub mod pgzip;
mod plain;
mod tokens;
mod two_places;
mod two_tables;
mod window;

use std::fmt;

use crate::Deflate;
use blocks::BlockWriter;
use chains::Effort;
use fast::Fast;
use lazy::Lazy;
use one_table::OneTable;
use plain::Plain;
use two_places::TwoPlaces;
use two_tables::TwoTables;

/// Versions that write the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Generation {
    /// 1.15.12, and others of its time.
    V1_15,
    /// 1.17.9: the levels 7 to 9 look for more.
    V1_17,
    /// 1.18.0: level 4 makes a mistake.
    V1_18,
    /// 1.20.3: headers are shorter.
    V1_20,
    /// Go's own from 1.27 on, at level 9; at the others it is as 1.20.3.
    Go1_27,
}

impl Generation {
    /// Every one, by its number in replays.
    pub(crate) const ALL: [Self; 5] = [Self::V1_15, Self::V1_17, Self::V1_18, Self::V1_20, Self::Go1_27];
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1_15 => "1.15",
            Self::V1_17 => "1.17",
            Self::V1_18 => "1.18",
            Self::V1_20 => "1.20",
            Self::Go1_27 => "in Go 1.27",
        })
    }
}

/// What the levels differ in.
trait Engine: Send {
    /// Takes content.
    fn write(&mut self, plain: &[u8], out: &mut Vec<u8>);

    /// Writes what was taken as a block; `last`: all of it, and so that the block is ended.
    fn step(&mut self, last: bool, out: &mut Vec<u8>);

    /// Begins anew behind a dictionary.
    fn reset(&mut self, dictionary: &[u8]);

    /// What writes its blocks.
    fn blocks(&mut self) -> &mut BlockWriter;
}

/// An encoder of one level.
pub struct Encoder(Box<dyn Engine>);

impl Encoder {
    /// The encoder of a level from -2 to 9; -1 is 5, as it is there.
    pub fn new(generation: Generation, level: i32) -> Option<Self> {
        let blocks = |penalty| BlockWriter::new(penalty, generation >= Generation::V1_20);
        let mistaken = generation >= Generation::V1_18;
        let lazy = |lazy, nice, chain| {
            let price = if generation == Generation::V1_15 { (6, 0) } else { (3, 4) };
            Box::new(Lazy::new(generation, Effort { lazy, nice, chain, price }, blocks(8)))
        };
        let engine: Box<dyn Engine> = match level {
            -2 => Box::new(Plain::new(true, blocks(10))),
            0 => Box::new(Plain::new(false, blocks(0))),
            1 => Box::new(Fast::new(OneTable::<1, { 1 << 15 }>::new(), blocks(7))),
            2 => Box::new(Fast::new(OneTable::<2, { 1 << 17 }>::new(), blocks(7))),
            3 => Box::new(Fast::new(TwoPlaces::new(), blocks(7))),
            4 => Box::new(Fast::new(TwoTables::<4>::new(mistaken), blocks(7))),
            -1 | 5 => Box::new(Fast::new(TwoTables::<5>::new(false), blocks(7))),
            6 => Box::new(Fast::new(TwoTables::<6>::new(false), blocks(7))),
            7 => lazy(12, 16, 24),
            8 => lazy(30, 40, 64),
            9 => lazy(258, 258, 1024),
            _ => return None,
        };
        Some(Self(engine))
    }
}

impl Deflate for Encoder {
    fn write(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        self.0.write(plain, out);
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        self.0.step(true, out);
        self.0.blocks().sync(out);
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        self.0.step(true, out);
        self.0.blocks().finish(out);
    }

    fn reset(&mut self, dictionary: &[u8]) {
        self.0.reset(dictionary);
    }
}
