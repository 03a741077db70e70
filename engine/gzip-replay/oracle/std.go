//go:build !klauspost
// +build !klauspost

package main

import (
	"compress/flate"
	"compress/gzip"
	"fmt"
	"io"
)

func encoder(form string, out io.Writer, level, block int, dictionary []byte) (io.WriteCloser, error) {
	switch form {
	case "deflate", "flush":
		return flate.NewWriter(out, level)
	case "dictionary":
		return flate.NewWriterDict(out, level, dictionary)
	case "gzip":
		return gzip.NewWriterLevel(out, level)
	}
	return nil, fmt.Errorf("no form %q here", form)
}
