// Follows a ledger over HTTP with the transparency log client that Go itself uses for its checksum
// database: golang.org/x/mod/sumdb/tlog and note.
//
// usage: interop URL VKEY     (credential, if any, in FOLLOWER_AUTHORIZATION)
//
// For each line on standard input, a number, it waits until a checkpoint of at least that size is
// served, verifies it, every entry in it and that it continues the one before, and prints
// "<size> <root in base64>".
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight = 8
	patience   = 30 * time.Second
)

type monitor struct {
	url      string
	verifier note.Verifier
	latest   tlog.Tree
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 2 {
		return errors.New("expected URL VKEY")
	}
	verifier, err := note.NewVerifier(args[1])
	if err != nil {
		return err
	}
	follower := &monitor{url: args[0], verifier: verifier}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		least, err := strconv.ParseInt(lines.Text(), 10, 64)
		if err != nil {
			return err
		}
		if err := follower.follow(least); err != nil {
			return fmt.Errorf("up to %d entries: %w", least, err)
		}
	}
	return lines.Err()
}

func (m *monitor) follow(least int64) error {
	tree, err := m.checkpoint()
	for until := time.Now().Add(patience); err == nil && tree.N < least; tree, err = m.checkpoint() {
		if time.Now().After(until) {
			return fmt.Errorf("the log stays at %d entries", tree.N)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err != nil {
		return err
	}
	// The reader compares every tile with the tree's root before it gives a hash of it.
	hashes := tlog.TileHashReader(tree, m)
	if m.latest.N > 0 {
		proof, err := tlog.ProveTree(tree.N, m.latest.N, hashes)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, m.latest.N, m.latest.Hash); err != nil {
			return err
		}
	}
	if err := m.entries(tree, hashes); err != nil {
		return err
	}
	m.latest = tree
	fmt.Println(tree.N, tree.Hash)
	return nil
}

func (m *monitor) checkpoint() (tlog.Tree, error) {
	signed, err := m.get("checkpoint")
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(signed, note.VerifierList(m.verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	// c2sp.org/tlog-checkpoint: origin, size, root.
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != m.verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("not a checkpoint of %s: %q", m.verifier.Name(), opened.Text)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// entries compares every entry of the tree with its leaf.
func (m *monitor) entries(tree tlog.Tree, hashes tlog.HashReader) error {
	for first := int64(0); first < tree.N; first += 1 << tileHeight {
		width := min(tree.N-first, 1<<tileHeight)
		indexes := make([]int64, width)
		for at := range indexes {
			indexes[at] = tlog.StoredHashIndex(0, first+int64(at))
		}
		leaves, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		tile := tlog.Tile{H: tileHeight, L: 0, N: first >> tileHeight, W: int(width)}
		bundle, err := m.get(strings.Replace(path(tile), "tile/0/", "tile/entries/", 1))
		if err != nil {
			return err
		}
		for at, leaf := range leaves {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return fmt.Errorf("the bundle ends within entry %d", first+int64(at))
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:end]) != leaf {
				return fmt.Errorf("entry %d is not its leaf", first+int64(at))
			}
			bundle = bundle[end:]
		}
		if len(bundle) > 0 {
			return fmt.Errorf("%d bytes too many in the bundle at %d", len(bundle), first)
		}
	}
	return nil
}

// Height is that of tlog-tiles.
func (m *monitor) Height() int { return tileHeight }

// SaveTiles keeps nothing: every run asks for everything.
func (m *monitor) SaveTiles([]tlog.Tile, [][]byte) {}

// ReadTiles fetches tiles as they are; the caller authenticates them.
func (m *monitor) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(tiles))
	for at, tile := range tiles {
		body, err := m.get(path(tile))
		if err != nil {
			return nil, err
		}
		read[at] = body
	}
	return read, nil
}

// path is that of tlog-tiles, which leaves out the height that Go's own has.
func path(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
}

func (m *monitor) get(what string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, m.url+"/"+what, nil)
	if err != nil {
		return nil, err
	}
	if value := os.Getenv("FOLLOWER_AUTHORIZATION"); value != "" {
		request.Header.Set("Authorization", value)
	}
	client := http.Client{Timeout: patience}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", what, answer.Status, body)
	}
	return body, err
}
