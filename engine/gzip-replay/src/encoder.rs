//! What all encoders have in common.

/// An encoder that writes the very bytes that another program's writes.
///
/// How the content is cut into calls of [`Deflate::write`] never shows in the bytes. Memory is
/// bounded: what an encoder holds back is a few windows at most, whatever the length.
pub trait Deflate: Send {
    /// Takes the next bytes of the content; what is decided by now is appended to `out`.
    fn write(&mut self, plain: &[u8], out: &mut Vec<u8>);

    /// Writes all that was taken, then an empty stored block, so that the stream stands on a
    /// byte's boundary (zlib's `Z_SYNC_FLUSH`, `Flush` of Go's writers).
    fn flush(&mut self, out: &mut Vec<u8>);

    /// Writes all that was taken, and ends the stream.
    fn finish(&mut self, out: &mut Vec<u8>);

    /// Begins a new stream, as if `dictionary` (its last 32 KiB at most) had come before it.
    fn reset(&mut self, dictionary: &[u8]);
}
