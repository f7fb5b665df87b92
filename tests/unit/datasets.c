/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The data set plugins, loaded as the program does, on small files made here. */
#include "config.h"
#include "scratch.h"
#include "tap.h"

#include "base/host.h"
#include "registry/registry.h"

static struct advntk_error err;
static struct advntk__registry *registry;
static struct advntk_host *host;

/* A data set opened with a config struct of the plugin's (the members in the order of its table).
 */
struct open_set {
    const struct advntk_dataset_ops *ops;
    void *state;
    struct advntk_dataset_info info;
};

static advntk_status open_set(struct open_set *s, const char *name, const void *config)
{
    const struct advntk__plugin_record *r =
        advntk__registry_find(registry, ADVNTK_KIND_DATASET, name);
    *s = (struct open_set){0};
    if (!r) {
        return ADVNTK_FAIL(&err, ENOTFOUND, "no plugin %s", name);
    }
    s->ops = r->plugin.ops;
    return s->ops->open(config, host, &s->state, &s->info, &err);
}

static void close_set(struct open_set *s)
{
    if (s->state) {
        s->ops->close(s->state);
    }
    s->state = NULL;
}

static bool refused(const char *name, const void *config, advntk_status want, const char *part)
{
    struct open_set s;
    advntk_status rc = open_set(&s, name, config);
    bool good = rc == want && strstr(err.text, part);
    if (!good) {
        printf("# %s: status %d, text %s, wanted %s\n", name, rc, rc ? err.text : "", part);
    }
    close_set(&s);
    return good;
}

static bool same_digest(struct open_set *a, struct open_set *b)
{
    uint8_t x[16], y[16];
    return a->ops->digest(a->state, x, &err) == ADVNTK_OK &&
           b->ops->digest(b->state, y, &err) == ADVNTK_OK && memcmp(x, y, 16) == 0;
}

static void digits(void)
{
    /* first and last row of scikit-learn's digits.csv, and its number of images a class */
    static const double first[8] = {0, 0, 5, 13, 9, 1, 0, 0}, last[8] = {0, 0, 10, 14, 8, 1, 0, 0};
    static const int counts[10] = {178, 182, 177, 183, 181, 182, 181, 179, 174, 180};
    struct open_set s, again;
    int64_t index[1297];
    int32_t labels[1297];
    int seen[10] = {0};
    double x[128];
    bool good;

    if (!ok(open_set(&s, "digits", NULL) == ADVNTK_OK, "digits: opened")) {
        printf("# %s\n", err.text);
        return;
    }
    ok(s.info.images[0] == 1297 && s.info.images[1] == 500 && s.info.height == 8 &&
           s.info.width == 8 && s.info.channels == 1 && s.info.classes == 10 &&
           s.info.box_low == 0 && s.info.box_high == 1,
       "digits: 1297 and 500 images of 8x8, 10 classes");
    for (int i = 0; i < 1297; i++) {
        index[i] = i;
    }
    good = s.ops->read(s.state, ADVNTK_TRAIN, 1297, index, NULL, labels, &err) == ADVNTK_OK;
    for (int i = 0; good && i < 1297; i++) {
        seen[labels[i]]++;
    }
    good = good && s.ops->read(s.state, ADVNTK_TEST, 500, index, NULL, labels, &err) == ADVNTK_OK;
    for (int i = 0; good && i < 500; i++) {
        seen[labels[i]]++;
    }
    ok(good && memcmp(seen, counts, sizeof(seen)) == 0,
       "digits: as many of each class as in the source");
    ok(s.ops->read(s.state, ADVNTK_TRAIN, 2, (int64_t[]){1296, 0}, x, labels, &err) == ADVNTK_OK &&
           labels[1] == 0,
       "digits: read in the order asked for");
    for (int i = 0; i < 8; i++) {
        good = good && x[64 + i] == first[i] / 16;
    }
    ok(good, "digits: the first row of the first image");
    good = s.ops->read(s.state, ADVNTK_TEST, 1, (int64_t[]){499}, x, labels, &err) == ADVNTK_OK &&
           labels[0] == 8;
    for (int i = 0; i < 8; i++) {
        good = good && x[i] == last[i] / 16;
    }
    ok(good, "digits: the first row of the last image");
    ok(s.ops->read(s.state, ADVNTK_TEST, 1, (int64_t[]){500}, x, labels, &err) == ADVNTK_EINVALID &&
           s.ops->read(s.state, ADVNTK_TEST, 1, (int64_t[]){-1}, x, labels, &err) ==
               ADVNTK_EINVALID,
       "digits: an image that is not there");
    ok(open_set(&again, "digits", NULL) == ADVNTK_OK && same_digest(&s, &again),
       "digits: a steady digest");
    close_set(&again);
    close_set(&s);
}

int main(void)
{
    scratch_make();
    if (!ok(advntk__registry_new(PLUGINS, false, &registry, &err) == ADVNTK_OK &&
                advntk__host_new(2, &host, &err) == ADVNTK_OK,
            "registry and host")) {
        printf("# %s\n", err.text);
        return done_testing();
    }
    digits();
    advntk__host_free(host);
    advntk__registry_free(registry);
    scratch_remove();
    return done_testing();
}
