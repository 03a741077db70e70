// Command encode answers requests on its standard input with what a real encoder makes of them.
//
// A request is a line "FORM LEVEL BLOCK LENGTH" and LENGTH bytes; the answer is a line with a
// length, and as many bytes. FORM is "deflate", "gzip" or "pgzip". BLOCK is the length of the
// pieces that the encoder is given at a time (0: all at once); for pgzip it is its block size.
// FORM "flush" is "deflate" with a flush after each piece; for "dictionary" the first BLOCK bytes
// are a preset dictionary.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
)

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	for {
		var form string
		var level, block, length int
		if _, err := fmt.Fscanf(in, "%s %d %d %d\n", &form, &level, &block, &length); err != nil {
			if err == io.EOF {
				return
			}
			fail(err)
		}
		plain := make([]byte, length)
		if _, err := io.ReadFull(in, plain); err != nil {
			fail(err)
		}
		var encoded bytes.Buffer
		var dictionary []byte
		if form == "dictionary" {
			dictionary, plain, block = plain[:block], plain[block:], 0
		}
		encoder, err := encoder(form, &encoded, level, block, dictionary)
		if err != nil {
			fail(err)
		}
		for len(plain) > 0 {
			count := len(plain)
			if form != "pgzip" && block > 0 && block < count {
				count = block
			}
			if _, err := encoder.Write(plain[:count]); err != nil {
				fail(err)
			}
			plain = plain[count:]
			if form == "flush" {
				if err := encoder.(interface{ Flush() error }).Flush(); err != nil {
					fail(err)
				}
			}
		}
		if err := encoder.Close(); err != nil {
			fail(err)
		}
		fmt.Fprintln(out, encoded.Len())
		out.Write(encoded.Bytes())
		if err := out.Flush(); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "encode:", err)
	os.Exit(1)
}
