//go:build klauspost
// +build klauspost

package main

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/pgzip"
)

func encoder(form string, out io.Writer, level, block int, dictionary []byte) (io.WriteCloser, error) {
	switch form {
	case "deflate", "flush":
		return flate.NewWriter(out, level)
	case "dictionary":
		return flate.NewWriterDict(out, level, dictionary)
	case "gzip":
		return gzip.NewWriterLevel(out, level)
	case "pgzip":
		encoder, err := pgzip.NewWriterLevel(out, level)
		if err == nil && block > 0 {
			err = encoder.SetConcurrency(block, 4)
		}
		return encoder, err
	}
	return nil, fmt.Errorf("no form %q here", form)
}
