/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "scratch.h"
#include "tap.h"

#include "store/npy_format.h"

#include <fcntl.h>
#include <sys/stat.h>

static struct advntk_error err;

/* Writes an .npy file of version 1.0 with this header text and `bytes` zeros behind it. */
static const char *file_of(const char *dict, size_t bytes)
{
    static unsigned char whole[4096];
    size_t n = strlen(dict);
    memset(whole, 0, sizeof(whole));
    memcpy(whole, "\x93NUMPY\x01\x00", 8);
    whole[8] = (unsigned char)(n & 0xff);
    whole[9] = (unsigned char)(n >> 8);
    memcpy(whole + 10, dict, n);
    return scratch_write("case.npy", whole, 10 + n + bytes);
}

#define DICT(descr, order, shape)                                                                  \
    "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }\n"

/* header text, bytes behind it, and a part of the message; NULL: is read */
static const struct {
    const char *dict;
    size_t bytes;
    const char *message;
} cases[] = {
    {DICT("'<f8'", "False", "(2, 3)"), 48, NULL},
    {DICT("'<f8'", "False", "()"), 8, NULL},
    {DICT("'|u1'", "False", "(5L,)"), 5, NULL},
    {DICT("'<u1'", "False", "(5,)"), 5, NULL},
    {DICT("'=i4'", "False", "(0, 7)"), 0, NULL},
    {"{\"shape\":(1,),\"descr\":\"|b1\",\"fortran_order\":False}", 1, NULL},
    {DICT("'<f4'", "True", "(3,)"), 12, NULL},
    {DICT("'|u1'", "False", "(0, 9223372036854775807, 9223372036854775807)"), 0, NULL},
    {DICT("'<f8'", "True", "(2, 3)"), 48, "Fortran order"},
    {DICT("'>f8'", "False", "(2, 3)"), 48, "big-endian"},
    {DICT("'|O'", "False", "(2,)"), 48, "values of type '|O'"},
    {DICT("'<f2'", "False", "(2,)"), 4, "values of type '<f2'"},
    {DICT("'<c16'", "False", "(2,)"), 32, "values of type '<c16'"},
    {DICT("[('a', '<f4')]", "False", "(2,)"), 8, "records"},
    {DICT("'<f8'", "False", "(2, 3)"), 47, "cut off"},
    {DICT("'<f8'", "False", "(2, 3)"), 49, "49 bytes of values, its header says 48"},
    {DICT("'<f8'", "False", "(5)"), 40, "unreadable 'shape'"},
    {DICT("'<f8'", "False", "(-5,)"), 40, "unreadable 'shape'"},
    {DICT("'<f8'", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), 8, "unreadable 'shape'"},
    {DICT("'<f8'", "False", "(1,, 1)"), 8, "unreadable 'shape'"},
    {DICT("'<f8'", "False", "(1 1)"), 8, "unreadable 'shape'"},
    {DICT("'<f8'", "False", "(9223372036854775808,)"), 8, "unreadable 'shape'"},
    {DICT("'<f8'", "False", "(9223372036854775807,)"), 8, "more values than memory"},
    {DICT("'<f8'", "False", "(4294967296, 4294967296)"), 8, "more values than memory"},
    {DICT("'<f8'", "False", "(2305843009213693952, 8)"), 0, "more values than memory"},
    {DICT("'<f8'", "Maybe", "(1,)"), 8, "unreadable 'fortran_order'"},
    {"{'descr': '<f8', 'shape': (1,)}", 8, "lacks"},
    {"{'descr': '<f8', 'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", 8, "twice the key"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), 'more': 1}", 8, "unknown key 'more'"},
    {"{'descr': '<f8' 'fortran_order': False, 'shape': (1,)}", 8, "cannot be read"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,)} x", 8, "goes on behind"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (1,", 8, "unreadable"},
    {"{'descr': '", 8, "unreadable"},
    {"['descr']", 8, "no dict"},
    {"", 8, "no dict"},
};

static void headers(void)
{
    struct advntk_npy npy;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *path = file_of(cases[i].dict, cases[i].bytes);
        advntk_status rc = advntk_npy_open(&npy, path, &err);
        bool good = cases[i].message ? rc == ADVNTK_EFORMAT && strstr(err.text, cases[i].message) &&
                                           strstr(err.text, path)
                                     : rc == ADVNTK_OK;
        ok(good, "header %zu: %s", i, cases[i].message ? cases[i].message : "is read");
        if (!good) {
            printf("# %s\n# status %d: %s\n", cases[i].dict, rc, rc ? err.text : "");
        }
        advntk_npy_close(&npy);
    }
}

/* Whatever a file holds, opening it must end with a status: a valid header with some of its bytes
 * replaced, and cut anywhere. Counts what was read; the sanitizers watch. */
static void damaged_headers(void)
{
    static const char bytes[] = "\x93NUMPY\x01\x00\x46\x00{'descr': '<f8', 'fortran_order': False, "
                                "'shape': (3, 2), }           \n";
    unsigned char copy[sizeof(bytes) + 48];
    uint32_t state = 1;
    int read = 0, refused = 0;

    for (int round = 0; round < 20000; round++) {
        size_t have = sizeof(bytes) - 1 + 48;
        struct advntk_npy npy;
        unsigned char *exact;
        memset(copy, 0, sizeof(copy));
        memcpy(copy, bytes, sizeof(bytes) - 1);
        for (int k = 0; k < 1 + round % 3; k++) {
            state = state * 1664525u + 1013904223u;
            copy[(state >> 8) % (sizeof(bytes) - 1)] = (unsigned char)(state >> 24);
        }
        state = state * 1664525u + 1013904223u;
        have = round % 4 == 0 ? (state >> 8) % have : have;
        exact = malloc(have + (have == 0)); /* so that a read beyond it is seen */
        if (!exact) {
            break;
        }
        memcpy(exact, copy, have);
        if (advntk__npy_parse("x", exact, have, have, &npy, &err) == ADVNTK_OK) {
            read++;
        } else {
            refused++;
        }
        free(exact);
    }
    ok(read + refused == 20000 && refused > 10000, "20000 damaged headers: %d read, %d refused",
       read, refused);
}

static void versions(void)
{
    struct advntk_npy npy;
    unsigned char v2[80];
    static const char dict[] = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,)}";
    double x[2];

    memset(v2, 0, sizeof(v2));
    memcpy(v2, "\x93NUMPY\x02\x00", 8);
    v2[8] = sizeof(dict) - 1;
    memcpy(v2 + 12, dict, sizeof(dict) - 1);
    v2[12 + sizeof(dict) - 1] = 0xff;
    v2[12 + sizeof(dict)] = 0xff;
    v2[12 + sizeof(dict) + 1] = 0x02;
    ok(advntk_npy_open(&npy, scratch_write("v2.npy", v2, 12 + sizeof(dict) - 1 + 4), &err) ==
               ADVNTK_OK &&
           advntk_npy_read_reals(&npy, 0, 2, x, &err) == ADVNTK_OK && x[0] == -1 && x[1] == 2,
       "version 2.0 is read");
    advntk_npy_close(&npy);
    v2[6] = 4;
    ok(advntk_npy_open(&npy, scratch_write("v4.npy", v2, sizeof(v2)), &err) == ADVNTK_EFORMAT,
       "version 4 is refused");
    v2[6] = 2;
    v2[11] = 0xff;
    ok(advntk_npy_open(&npy, scratch_write("v2.npy", v2, sizeof(v2)), &err) == ADVNTK_EFORMAT,
       "a header length beyond the file is refused");
    ok(advntk_npy_open(&npy, scratch_write("short.npy", v2, 5), &err) == ADVNTK_EFORMAT, "5 bytes");
    ok(advntk_npy_open(&npy, scratch_write("empty.npy", v2, 0), &err) == ADVNTK_EFORMAT,
       "no bytes");
    ok(advntk_npy_open(&npy, scratch("absent.npy"), &err) == ADVNTK_EIO &&
           strstr(err.text, "absent.npy: No such file"),
       "a missing file is named");
    ok(advntk_npy_open(&npy, scratch_folder, &err) == ADVNTK_EIO, "a folder is no array");
}

/* Each type: written, opened, read in pieces as reals and as integers. */
static void round_trips(void)
{
    static const int8_t i1[] = {-128, 127, 0};
    static const uint8_t u1[] = {0, 255, 7};
    static const int16_t i2[] = {INT16_MIN, INT16_MAX, 1};
    static const uint16_t u2[] = {0, UINT16_MAX, 1};
    static const int32_t i4[] = {INT32_MIN, INT32_MAX, 1};
    static const uint32_t u4[] = {0, UINT32_MAX, 1};
    static const int64_t i8[] = {INT64_MIN, 4503599627370496, 1};
    static const uint64_t u8[] = {0, 4503599627370496, UINT64_MAX};
    static const unsigned char b1[] = {0, 1, 2};
    static const float f4[] = {0.1f, -(float)INFINITY, 1e-40f};
    static const double f8[] = {0.1, (double)INFINITY, 5e-324};
    static const struct {
        enum advntk_dtype dtype;
        const void *values;
        double reals[3];
    } types[] = {
        {ADVNTK_INT8, i1, {-128, 127, 0}},
        {ADVNTK_UINT8, u1, {0, 255, 7}},
        {ADVNTK_INT16, i2, {-32768, 32767, 1}},
        {ADVNTK_UINT16, u2, {0, 65535, 1}},
        {ADVNTK_INT32, i4, {-2147483648.0, 2147483647, 1}},
        {ADVNTK_UINT32, u4, {0, 4294967295.0, 1}},
        {ADVNTK_INT64, i8, {-9223372036854775808.0, 4503599627370496.0, 1}},
        {ADVNTK_UINT64, u8, {0, 4503599627370496.0, 18446744073709551616.0}},
        {ADVNTK_BOOL8, b1, {0, 1, 1}},
        {ADVNTK_FLOAT32, f4, {(double)0.1f, -(double)INFINITY, (double)1e-40f}},
        {ADVNTK_FLOAT64, f8, {0.1, (double)INFINITY, 5e-324}},
    };
    const ptrdiff_t shape[2] = {3, 1};

    for (size_t t = 0; t < sizeof(types) / sizeof(types[0]); t++) {
        enum advntk_dtype dtype = types[t].dtype;
        const char *name = advntk__dtype_name(dtype), *path = scratch("round.npy");
        bool real = dtype == ADVNTK_FLOAT32 || dtype == ADVNTK_FLOAT64;
        struct advntk_npy npy;
        double x[3] = {9, 9, 9};
        int64_t n[2] = {9, 9};
        advntk_status rc = advntk_npy_write(path, dtype, 2, shape, types[t].values, &err);
        rc = rc ? rc : advntk_npy_open(&npy, path, &err);
        if (!ok(rc == ADVNTK_OK && npy.rank == 2 && npy.shape[0] == 3 && npy.dtype == dtype,
                "%s: written and opened", name)) {
            continue;
        }
        ok(npy.data_offset % 64 == 0, "%s: values begin at a multiple of 64 bytes", name);
        rc = advntk_npy_read_reals(&npy, 0, 1, x, &err);
        rc = rc ? rc : advntk_npy_read_reals(&npy, 1, 2, x + 1, &err);
        ok(rc == ADVNTK_OK && memcmp(x, types[t].reals, sizeof(x)) == 0, "%s: as reals", name);
        rc = advntk_npy_read_ints(&npy, 0, 2, n, &err);
        ok(real ? rc == ADVNTK_EFORMAT
                : rc == ADVNTK_OK && (double)n[0] == types[t].reals[0] &&
                      (double)n[1] == types[t].reals[1],
           "%s: as integers%s", name, real ? ", refused" : "");
        ok(advntk_npy_read_reals(&npy, 2, 2, x, &err) == ADVNTK_EINVALID &&
               advntk_npy_read_reals(&npy, -1, 1, x, &err) == ADVNTK_EINVALID &&
               advntk_npy_read_reals(&npy, 1, PTRDIFF_MAX, x, &err) == ADVNTK_EINVALID,
           "%s: values outside are refused", name);
        if (dtype == ADVNTK_UINT64) {
            ok(advntk_npy_read_ints(&npy, 0, 3, (int64_t[3]){0}, &err) == ADVNTK_EFORMAT &&
                   strstr(err.text, "value 2 "),
               "a value above INT64_MAX is named");
        }
        advntk_npy_close(&npy);
    }
}

static void writing(void)
{
    const ptrdiff_t shape[9] = {2, 2, 1, 1, 1, 1, 1, 1, 1}, huge[2] = {PTRDIFF_MAX, 2},
                    none[1] = {0};
    const double values[4] = {1, 2, 3, 4};
    const char *path = scratch("write.npy");
    struct advntk_npy npy;
    double x[4];

    ok(advntk_npy_write(path, ADVNTK_FLOAT64, 2, huge, values, &err) == ADVNTK_EINVALID,
       "a shape too big");
    ok(advntk_npy_write(path, ADVNTK_FLOAT64, 1, (ptrdiff_t[]){-1}, values, &err) ==
           ADVNTK_EINVALID,
       "a negative length");
    ok(advntk_npy_write(path, ADVNTK_FLOAT64, 9, shape, values, &err) == ADVNTK_EINVALID, "rank 9");
    ok(advntk_npy_write(path, (enum advntk_dtype)0, 1, none, NULL, &err) == ADVNTK_EINVALID,
       "no such type");
    ok(access(path, F_OK) != 0, "nothing was written");
    ok(advntk_npy_write(path, ADVNTK_FLOAT64, 1, none, NULL, &err) == ADVNTK_OK &&
           advntk_npy_open(&npy, path, &err) == ADVNTK_OK && npy.shape[0] == 0 &&
           advntk_npy_read_reals(&npy, 0, 0, x, &err) == ADVNTK_OK,
       "an empty array");
    advntk_npy_close(&npy);
    ok(advntk_npy_write(path, ADVNTK_FLOAT64, 8, shape, values, &err) == ADVNTK_OK &&
           advntk_npy_open(&npy, path, &err) == ADVNTK_OK && npy.rank == 8,
       "rank 8 replaces it");
    ok(truncate(path, npy.data_offset + 24) == 0 &&
           advntk_npy_read_reals(&npy, 0, 4, x, &err) == ADVNTK_EFORMAT,
       "a file cut while it is open is told, not read as zeros");
    advntk_npy_close(&npy);
    ok(advntk_npy_write(scratch("no/such/folder.npy"), ADVNTK_FLOAT64, 1, none, NULL, &err) ==
           ADVNTK_EIO,
       "a folder that is not there");
}

static void numpy_agrees(void)
{
    static const char program[] =
        "import numpy as np\n"
        "for t in 'f4 f8 u1 i1 i2 u2 i4 u4 i8 u8 ?'.split():\n"
        "    np.save('from.%s.npy' % t.strip('?') , (np.arange(6) % 5).reshape(3, 2).astype(t))\n"
        "x = np.load('to.npy')\n"
        "assert x.dtype == np.float32 and x.shape == (2, 1, 2), (x.dtype, x.shape)\n"
        "assert x.ravel().tolist() == [1.5, -2, 3, 0.25], x\n"
        "assert np.load('scalar.npy').shape == () and np.load('scalar.npy') == -7\n"
        "assert np.load('to.npy', mmap_mode='r')[1, 0, 1] == 0.25\n";
    static const char *const names[] = {"f4", "f8", "u1", "i1", "i2", "u2",
                                        "i4", "u4", "i8", "u8", ""};
    const float values[4] = {1.5f, -2, 3, 0.25f};
    const int64_t seven = -7;
    bool there, passed;

    ok(advntk_npy_write(scratch("to.npy"), ADVNTK_FLOAT32, 3, (ptrdiff_t[]){2, 1, 2}, values,
                        &err) == 0 &&
           advntk_npy_write(scratch("scalar.npy"), ADVNTK_INT64, 0, NULL, &seven, &err) == 0,
       "files for numpy");
    passed = scratch_numpy(program, &there);
    if (!there) {
        skip("numpy reads what was written, and the other way", "no python3 with numpy");
        return;
    }
    ok(passed, "numpy reads what was written");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct advntk_npy npy;
        char file[20];
        double x[6];
        const double want[] = {0, 1, 2, 3, 4, 0}, truth[] = {0, 1, 1, 1, 1, 0};
        snprintf(file, sizeof(file), "from.%s.npy", names[i]);
        ok(advntk_npy_open(&npy, scratch(file), &err) == ADVNTK_OK && npy.rank == 2 &&
               npy.shape[0] == 3 && npy.shape[1] == 2 &&
               advntk_npy_read_reals(&npy, 0, 6, x, &err) == ADVNTK_OK &&
               memcmp(x, *names[i] ? want : truth, sizeof(x)) == 0,
           "numpy's %s is read", *names[i] ? names[i] : "bool");
        advntk_npy_close(&npy);
    }
}

int main(void)
{
    scratch_make();
    headers();
    damaged_headers();
    versions();
    round_trips();
    writing();
    numpy_agrees();
    scratch_remove();
    return done_testing();
}
