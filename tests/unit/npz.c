/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "scratch.h"
#include "tap.h"

#include "base/files.h"
#include "store/npz.h"

static struct advntk_error err;
static const double reals[6] = {0.5, -1, 1e300, 0, 5e-324, 3};
static const int64_t ints[3] = {-5, INT64_MAX, 7};
static const ptrdiff_t two_by_three[2] = {2, 3}, three[1] = {3};

static advntk_status write_sample(const char *path)
{
    struct advntk__npz_writer *w = NULL;
    double copied[6];
    advntk_status rc = advntk__npz_create(path, &w, &err);

    if (rc) {
        return rc;
    }
    memcpy(copied, reals, sizeof(copied));
    rc = advntk__npz_add(w, "reals", ADVNTK_FLOAT64, 2, two_by_three, copied, &err);
    memset(copied, 0, sizeof(copied)); /* what was added is not what the caller does afterwards */
    rc = rc ? rc : advntk__npz_add_borrowed(w, "ints", ADVNTK_INT64, 1, three, ints, &err);
    rc = rc ? rc : advntk__npz_add(w, "part.empty", ADVNTK_UINT8, 1, (ptrdiff_t[]){0}, NULL, &err);
    if (rc) {
        advntk__npz_abandon(w);
        return rc;
    }
    return advntk__npz_finish(w, &err);
}

static void round_trip(void)
{
    const char *path = scratch("sample.npz");
    struct advntk__npz_reader *r = NULL;
    enum advntk_dtype dtype;
    ptrdiff_t shape[8];
    double x[6];
    int64_t n[3];
    float f[6];
    int rank;

    ok(write_sample(path) == ADVNTK_OK, "an archive is written");
    if (!ok(advntk__npz_open(path, &r, &err) == ADVNTK_OK, "and opened")) {
        printf("# %s\n", err.text);
        return;
    }
    ok(advntk__npz_count(r) == 3 && strcmp(advntk__npz_name(r, 1), "ints") == 0 &&
           advntk__npz_name(r, 3) == NULL,
       "its names are listed");
    ok(advntk__npz_find(r, "reals", &dtype, &rank, shape) && dtype == ADVNTK_FLOAT64 && rank == 2 &&
           shape[0] == 2 && shape[1] == 3,
       "type and shape are found");
    ok(advntk__npz_read(r, "reals", ADVNTK_FLOAT64, 6, x, &err) == ADVNTK_OK &&
           memcmp(x, reals, sizeof(x)) == 0,
       "reals come back bit for bit");
    ok(advntk__npz_read(r, "ints", ADVNTK_INT64, 3, n, &err) == ADVNTK_OK &&
           memcmp(n, ints, sizeof(n)) == 0,
       "integers come back");
    ok(advntk__npz_read(r, "ints", ADVNTK_FLOAT64, 3, x, &err) == ADVNTK_OK && x[0] == -5 &&
           x[2] == 7,
       "integers are converted to reals");
    ok(advntk__npz_read(r, "part.empty", ADVNTK_UINT8, 0, NULL, &err) == ADVNTK_OK,
       "an empty array");
    ok(advntk__npz_read(r, "reals", ADVNTK_INT64, 6, x, &err) == ADVNTK_EFORMAT &&
           advntk__npz_read(r, "reals", ADVNTK_FLOAT32, 6, f, &err) == ADVNTK_EFORMAT,
       "reals are not read as integers or as smaller reals");
    ok(advntk__npz_read(r, "reals", ADVNTK_FLOAT64, 5, x, &err) == ADVNTK_ESHAPE, "another count");
    ok(advntk__npz_read(r, "real", ADVNTK_FLOAT64, 6, x, &err) == ADVNTK_ENOTFOUND &&
           strstr(err.text, "reals, ints, part.empty"),
       "an unknown name is told the known ones");
    ok(!advntk__npz_find(r, "real", NULL, NULL, NULL), "an unknown name is not found");
    advntk__npz_close(r);
}

static void same_bytes(void)
{
    char *a = NULL, *b = NULL;
    size_t n = 0, m = 1;
    setenv("TZ", "Asia/Tokyo", 1);
    bool good = write_sample(scratch("a.npz")) == ADVNTK_OK;
    sleep(2); /* the resolution of dates in zip files */
    setenv("TZ", "America/New_York", 1);
    good = good && write_sample(scratch("b.npz")) == ADVNTK_OK;
    good = good && advntk__files_read(scratch("a.npz"), 1 << 20, &a, &n, &err) == ADVNTK_OK &&
           advntk__files_read(scratch("b.npz"), 1 << 20, &b, &m, &err) == ADVNTK_OK;
    ok(good && n == m && memcmp(a, b, n) == 0,
       "equal arrays give equal bytes at another hour and place");
    free(a);
    free(b);
}

static void refusals(void)
{
    const char *path = scratch("refused.npz");
    struct advntk__npz_writer *w = NULL;
    struct advntk__npz_reader *r = NULL;

    ok(advntk__npz_create(path, &w, &err) == ADVNTK_OK, "a second archive");
    ok(advntk__npz_add(w, "../x", ADVNTK_INT64, 1, three, ints, &err) == ADVNTK_EINVALID &&
           advntk__npz_add(w, "", ADVNTK_INT64, 1, three, ints, &err) == ADVNTK_EINVALID,
       "names with a slash, or none");
    ok(advntk__npz_add(w, "x", ADVNTK_INT64, 1, (ptrdiff_t[]){PTRDIFF_MAX}, ints, &err) ==
           ADVNTK_EINVALID,
       "a shape too big");
    ok(advntk__npz_finish(w, &err) == ADVNTK_EINVALID, "an archive of no arrays");
    ok(advntk__npz_create(path, &w, &err) == ADVNTK_OK &&
           advntk__npz_add(w, "x", ADVNTK_INT64, 1, three, ints, &err) == ADVNTK_OK &&
           advntk__npz_add(w, "x", ADVNTK_INT64, 1, three, ints, &err) == ADVNTK_EINVALID &&
           strstr(err.text, "'x' is added twice"),
       "a name twice");
    advntk__npz_abandon(w);
    ok(access(path, F_OK) != 0, "none of these left a file");
    ok(advntk__npz_create(scratch("no/folder.npz"), &w, &err) == ADVNTK_EIO, "a missing folder");
    ok(advntk__npz_open(scratch("absent.npz"), &r, &err) == ADVNTK_EIO &&
           strstr(err.text, "absent.npz: No such file"),
       "a missing file is named");
    ok(advntk__npz_open(scratch_write("text.npz", "no archive at all", 17), &r, &err) ==
               ADVNTK_EFORMAT &&
           strstr(err.text, "text.npz"),
       "a text file is no archive");
}

/* Reads everything; the status of the first failure. */
static advntk_status read_all(const char *path)
{
    struct advntk__npz_reader *r = NULL;
    advntk_status rc = advntk__npz_open(path, &r, &err);
    for (ptrdiff_t i = 0; rc == ADVNTK_OK && i < advntk__npz_count(r); i++) {
        ptrdiff_t shape[8], count = 1;
        int rank = 0;
        double values[64];
        advntk__npz_find(r, advntk__npz_name(r, i), NULL, &rank, shape);
        for (int k = 0; k < rank; k++) {
            count *= shape[k];
        }
        rc = count <= 64
                 ? advntk__npz_read(r, advntk__npz_name(r, i), ADVNTK_FLOAT64, count, values, &err)
                 : ADVNTK_EFORMAT;
    }
    advntk__npz_close(r);
    return rc;
}

static void damage(void)
{
    char *bytes = NULL;
    size_t n = 0, value;
    int cuts = 0, flips = 0, same = 0;

    if (!ok(advntk__files_read(scratch("sample.npz"), 1 << 20, &bytes, &n, &err) == ADVNTK_OK,
            "read back")) {
        return;
    }
    for (size_t cut = 0; cut < n; cut++) {
        cuts += read_all(scratch_write("cut.npz", bytes, cut)) != ADVNTK_OK;
    }
    ok((size_t)cuts == n, "an archive cut at any of its %zu bytes is refused", n);
    /* one value of 'reals': its bits are found as they lie in the file */
    for (value = 0; value + 8 <= n && memcmp(bytes + value, &reals[2], 8) != 0; value++) {
    }
    bytes[value] = (char)(bytes[value] ^ 1);
    ok(read_all(scratch_write("flip.npz", bytes, n)) == ADVNTK_EFORMAT &&
           strstr(err.text, "flip.npz") && strstr(err.text, "'reals'"),
       "a flipped bit of a value is found, with file and array: %s", err.text);
    bytes[value] = (char)(bytes[value] ^ 1);
    for (size_t at = 0; at < n; at++) {
        bytes[at] = (char)(bytes[at] ^ 0x41);
        if (read_all(scratch_write("flip.npz", bytes, n)) == ADVNTK_OK) {
            same++; /* a byte that carries no data: a date, a version, a name */
        } else {
            flips++;
        }
        bytes[at] = (char)(bytes[at] ^ 0x41);
    }
    ok((size_t)(flips + same) == n && flips > same,
       "each byte changed in turn: %d found, %d carry no data", flips, same);
    free(bytes);
}

static void numpy_agrees(void)
{
    static const char program[] =
        "import numpy as np, zipfile\n"
        "z = np.load('sample.npz')\n"
        "assert z.files == ['reals', 'ints', 'part.empty'], z.files\n"
        "assert z['reals'].shape == (2, 3) and z['reals'].dtype == np.float64\n"
        "assert z['reals'].ravel().tolist() == [0.5, -1, 1e300, 0, 5e-324, 3]\n"
        "assert z['ints'].tolist() == [-5, 2**63 - 1, 7]\n"
        "assert z['part.empty'].shape == (0,)\n"
        "f = zipfile.ZipFile('sample.npz')\n"
        "assert f.testzip() is None\n"
        "for i in f.infolist():\n"
        "    assert i.date_time == (1980, 1, 1, 0, 0, 0) and i.compress_type == 0, i\n"
        "np.savez('plain.npz', a=np.arange(6.).reshape(2, 3), b=np.int8([-1, 2]))\n"
        "np.savez_compressed('packed.npz', a=np.arange(20000, dtype='u2').reshape(100, 200))\n"
        "np.savez('objects.npz', a=np.array([None]))\n";
    struct advntk__npz_reader *r = NULL;
    static double x[20000];
    bool there, passed = scratch_numpy(program, &there), good = true;

    if (!there) {
        skip("numpy reads what was written, and the other way", "no python3 with numpy");
        return;
    }
    ok(passed, "numpy.load and zipfile read what was written");
    ok(advntk__npz_open(scratch("plain.npz"), &r, &err) == ADVNTK_OK &&
           advntk__npz_read(r, "a", ADVNTK_FLOAT64, 6, x, &err) == ADVNTK_OK && x[5] == 5 &&
           advntk__npz_read(r, "b", ADVNTK_FLOAT64, 2, x, &err) == ADVNTK_OK && x[0] == -1 &&
           x[1] == 2,
       "numpy.savez is read");
    advntk__npz_close(r);
    r = NULL;
    ok(advntk__npz_open(scratch("packed.npz"), &r, &err) == ADVNTK_OK &&
           advntk__npz_read(r, "a", ADVNTK_FLOAT64, 20000, x, &err) == ADVNTK_OK,
       "numpy.savez_compressed is read");
    for (int i = 0; i < 20000; i++) {
        good = good && x[i] == i;
    }
    ok(good, "with all its values");
    advntk__npz_close(r);
    ok(advntk__npz_open(scratch("objects.npz"), &r, &err) == ADVNTK_EFORMAT &&
           strstr(err.text, "objects.npz: array 'a'"),
       "an array of objects is refused, with its name");
}

/* One array read in place, as a file of its own is; and what cannot be. */
static void in_place(void)
{
    const char *path = scratch("sample.npz");
    struct advntk_npy npy;
    double x[4];
    int64_t n[3];

    ok(write_sample(path) == ADVNTK_OK, "an archive is written");
    ok(advntk_npy_open_member(&npy, path, "reals", &err) == ADVNTK_OK && npy.rank == 2 &&
           npy.shape[1] == 3 && advntk_npy_read_reals(&npy, 2, 4, x, &err) == ADVNTK_OK &&
           x[0] == reals[2] && x[2] == reals[4] && x[3] == reals[5],
       "four reals from the third on");
    advntk_npy_close(&npy);
    ok(advntk_npy_open_member(&npy, path, "ints", &err) == ADVNTK_OK &&
           advntk_npy_read_ints(&npy, 0, 3, n, &err) == ADVNTK_OK &&
           memcmp(n, ints, sizeof(n)) == 0,
       "integers");
    advntk_npy_close(&npy);
    ok(advntk_npy_open_member(&npy, path, "int", &err) == ADVNTK_ENOTFOUND &&
           strstr(err.text, "has no array int") && npy.descriptor < 0,
       "%s", err.text);
    path = scratch_write("text.npz", "no archive, but text", 20);
    ok(advntk_npy_open_member(&npy, path, "a", &err) == ADVNTK_EFORMAT &&
           strstr(err.text, "no directory"),
       "%s", err.text);
    ok(advntk_npy_open_member(&npy, scratch("none.npz"), "a", &err) == ADVNTK_EIO, "%s", err.text);
}

/* Any one byte changed, and any end cut off: refused, or what is read lies inside the file. */
static void in_place_damaged(void)
{
    char *bytes = NULL;
    size_t count = 0, opened = 0;
    struct advntk_npy npy;

    ok(write_sample(scratch("sample.npz")) == ADVNTK_OK &&
           advntk__files_read(scratch("sample.npz"), 1 << 20, &bytes, &count, &err) == ADVNTK_OK,
       "the bytes of an archive");
    for (size_t at = 0; bytes && count > 0 && at < 2 * count; at++) {
        char saved = bytes[at % count];
        const char *path;
        double x[6];

        bytes[at % count] = (char)(at < count ? saved ^ 0x55 : saved);
        path = scratch_write("damaged.npz", bytes, at < count ? count : at - count);
        if (advntk_npy_open_member(&npy, path, "reals", &err) == ADVNTK_OK) {
            ptrdiff_t all = 1;
            for (int k = 0; k < npy.rank; k++) {
                all *= npy.shape[k];
            }
            opened += advntk_npy_read_reals(&npy, 0, all < 6 ? all : 6, x, &err) == ADVNTK_OK;
            advntk_npy_close(&npy);
        }
        bytes[at % count] = saved;
    }
    /* half of the bytes are those of other arrays, dates and checksums */
    ok(opened > 0 && opened < count, "of %zu damages %zu leave the array readable", 2 * count,
       opened);
    free(bytes);
}

static void in_place_numpy(void)
{
    bool there = false;
    struct advntk_npy npy;
    double x[2];
    bool made = scratch_numpy("import numpy as np\n"
                              "np.savez('plain.npz', a=np.arange(6).reshape(3, 2), b=np.ones(1))\n"
                              "np.savez_compressed('small.npz', a=np.zeros((30, 2)))\n",
                              &there);
    if (!there) {
        skip("archives of numpy in place", "no numpy");
        return;
    }
    ok(made && advntk_npy_open_member(&npy, scratch("plain.npz"), "a", &err) == ADVNTK_OK &&
           npy.shape[0] == 3 && advntk_npy_read_reals(&npy, 4, 2, x, &err) == ADVNTK_OK &&
           x[0] == 4 && x[1] == 5,
       "an array of numpy.savez in place");
    advntk_npy_close(&npy);
    ok(advntk_npy_open_member(&npy, scratch("small.npz"), "a", &err) == ADVNTK_EFORMAT &&
           strstr(err.text, "compressed"),
       "%s", err.text);
}

int main(void)
{
    scratch_make();
    round_trip();
    same_bytes();
    refusals();
    damage();
    numpy_agrees();
    in_place();
    in_place_damaged();
    in_place_numpy();
    scratch_remove();
    return done_testing();
}
