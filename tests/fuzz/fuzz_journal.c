/*
 * store/journal*.c: a folder whose one segment holds the input.  The first byte says how:
 *
 *	1  a header that holds is put in front     2  records get the mark and a checksum that holds
 *	4  the file ends with the input            >> 4: how many records the store has decided
 *
 * What must hold: it opens; each record that is handed out lies in the file and holds; numbers
 * rise; opened again it shows the same; what is appended then is read back.
 */
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "fuzz.h"
#include "segment.h"
#include "store/inbox.h"

#define FILE_BYTES 65536
#define MARK 0x4d41524b4d41524bu

/* As segment.c writes it. */
struct header {
	char magic[8];
	uint64_t epoch, mark, first_seq;
	uint32_t zero, crc;
};

static const struct inbox_sizes sizes = { FILE_BYTES, FILE_BYTES, 4 * FILE_BYTES };
static char folder[64];
static _Alignas(16) char file[FILE_BYTES];

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type;
	return ftw->level == 0 ? 0 : remove(path);
}

static void
empty_folder(void)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void
remove_folder(void)
{
	empty_folder();
	rmdir(folder);
}

static void
prepare(void)
{
	snprintf(folder, sizeof(folder), "%s/fuzz-inbox-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	MUST(mkdtemp(folder) != NULL);
	atexit(remove_folder);
}

static void
put_header(void)
{
	struct header h = { .magic = "GWSEG01", .epoch = 1, .mark = MARK, .first_seq = 1 };

	h.crc = crc32c(0, &h, offsetof(struct header, crc));
	memcpy(file, &h, sizeof(h));
	memcpy(file + SEGMENT_DATA / 2, &h, sizeof(h));
}

static struct record_front
front_at(size_t at)
{
	struct record_front f;

	memcpy(&f, file + at, sizeof(f));
	return f;
}

static void
seal(void)
{
	size_t skip = offsetof(struct record_front, mark);

	for (size_t at = SEGMENT_DATA; at + sizeof(struct record_front) <= FILE_BYTES;) {
		struct record_front f = front_at(at);

		f.mark = MARK;
		if (!record_front_fits(&f, MARK, FILE_BYTES - at))
			return;
		memcpy(file + at, &f, sizeof(f));
		f.crc = crc32c(0, file + at + skip, f.length - skip);
		memcpy(file + at, &f, sizeof(f));
		at += f.length;
	}
}

static void
write_segment(size_t n)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/" SEGMENT_PREFIX "000001", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	MUST(fd >= 0 && write(fd, file, n) == (ssize_t)n);
	close(fd);
}

static bool
lies_in_file(const struct delivery *d, struct arena *a)
{
	for (size_t at = SEGMENT_DATA; at + sizeof(struct record_front) <= FILE_BYTES; at += 8) {
		struct record_front f = front_at(at);
		struct delivery there;

		if (f.seq != d->seq || f.magic != RECORD_MAGIC ||
		    !record_front_fits(&f, f.mark, FILE_BYTES - at) || !record_holds(file + at))
			continue;
		record_read(file + at, a, &there);
		if (str_eq(there.body, d->body) && str_eq(there.headers, d->headers) &&
		    there.n == d->n)
			return true;
	}
	return false;
}

/* The number of records that wait. */
static uint64_t
read_all(struct inbox *in, uint64_t decided, struct arena *a)
{
	uint64_t after = decided, n = 0;
	struct delivery d;
	struct err e;
	bool found;

	for (;; n++, after = d.seq) {
		MUST(inbox_read(in, after, a, &d, &found, &e));
		if (!found)
			return n;
		MUST(d.seq > after && n < FILE_BYTES / sizeof(struct record_front));
		MUST(lies_in_file(&d, a));
	}
}

static void
append(struct inbox *in)
{
	static const struct hash128 hash = { "not in the input" };
	bool fresh = false, found;
	struct arena *a = arena_new();
	struct delivery d = { .received_ms = 1,
		.headers = STR("{}"),
		.body = STR("[1]"),
		.hashes = &hash,
		.fresh = &fresh,
		.n = 1 };
	struct delivery *one = &d, read;
	struct err e;

	if (inbox_append(in, &one, 1, &e)) {
		MUST(inbox_read(in, d.seq - 1, a, &read, &found, &e) && found);
		MUST(read.seq == d.seq && str_eq(read.body, d.body));
	} else {
		MUST(e.kind == ERR_AGAIN || e.kind == ERR_SYSTEM);
	}
	arena_free(a);
}

static void
open_and_read(uint64_t decided, struct inbox_figures *figures, bool and_append, struct arena *a)
{
	struct inbox *in;
	struct err e;
	uint64_t n;

	MUST(inbox_open_sized(folder, &sizes, decided, &in, &e));
	inbox_figures(in, figures);
	n = read_all(in, decided, a);
	MUST(n <= figures->waiting);
	if (and_append)
		append(in);
	inbox_close(in);
}

FUZZ(input)
{
	unsigned options = input.n == 0 ? 0 : (unsigned char)input.p[0];
	struct str data = str_slice(input, 1, input.n);
	struct inbox_figures first, second;
	uint64_t decided = options >> 4;
	size_t start;

	if (folder[0] == '\0')
		prepare();
	empty_folder();
	memset(file, 0, sizeof(file));
	start = options & 1 ? SEGMENT_DATA : 0;
	data = str_slice(data, 0, FILE_BYTES - start);
	memcpy(file + start, data.p, data.n);
	if (options & 1)
		put_header();
	if (options & 2)
		seal();
	write_segment(options & 4 ? start + data.n : FILE_BYTES);
	open_and_read(decided, &first, false, arena);
	open_and_read(decided, &second, true, arena);
	MUST(first.last_seq == second.last_seq && first.waiting == second.waiting);
	MUST(first.lost == second.lost);
}
