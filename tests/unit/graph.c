/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Layer graphs: what is refused, in which words, what is printed and hashed. */
#include "config.h"
#include "tap.h"

#include "base/hash.h"
#include "base/text.h"
#include "engine.h"

static struct advntk_slot relu, leaky;
static const struct advntk_affine paper = {1.76, 0.18};

/* One way to go wrong each; `g` has its input as layer 0. */
static void not_gaussian(struct advntk_graph *g)
{
    ptrdiff_t at = advntk_graph_dense(g, advntk_graph_flatten(g, 0), paper);
    advntk_graph_place(g, "recipe.yaml:14:9");
    at = advntk_graph_activation(g, advntk_graph_activation(g, at, relu), relu);
    advntk_graph_output(g, advntk_graph_dense(g, at, paper));
}
static void activation_on_input(struct advntk_graph *g)
{
    advntk_graph_output(
        g,
        advntk_graph_dense(g, advntk_graph_activation(g, advntk_graph_flatten(g, 0), relu), paper));
}
static void dense_on_image(struct advntk_graph *g)
{
    advntk_graph_output(g, advntk_graph_dense(g, 0, paper));
}
static void negative_std(struct advntk_graph *g)
{
    advntk_graph_output(
        g, advntk_graph_dense(g, advntk_graph_flatten(g, 0), (struct advntk_affine){-1, 0}));
}
static void nan_bias(struct advntk_graph *g)
{
    advntk_graph_output(g, advntk_graph_dense(g, advntk_graph_flatten(g, 0),
                                              (struct advntk_affine){1, (double)NAN}));
}
static void sum_shapes(struct advntk_graph *g)
{
    ptrdiff_t branch[2] = {0, 0};
    branch[0] = advntk_graph_dense(g, advntk_graph_flatten(g, 0), paper);
    advntk_graph_output(g, advntk_graph_sum(g, 2, branch));
}
static void sum_not_gaussian(struct advntk_graph *g)
{
    ptrdiff_t flat = advntk_graph_flatten(g, 0), branch[2];
    branch[0] = advntk_graph_activation(g, advntk_graph_dense(g, flat, paper), relu);
    branch[1] = advntk_graph_activation(g, advntk_graph_dense(g, flat, paper), relu);
    advntk_graph_output(g, advntk_graph_sum(g, 2, branch));
}
static void sum_with_own_activation(struct advntk_graph *g)
{
    ptrdiff_t d = advntk_graph_dense(g, advntk_graph_flatten(g, 0), paper);
    ptrdiff_t branch[2] = {d, advntk_graph_activation(g, d, relu)};
    advntk_graph_output(g, advntk_graph_sum(g, 2, branch));
}
static void sum_flattened(struct advntk_graph *g)
{
    struct advntk_window window = {{3, 3}, {1, 1}, ADVNTK_PADDING_SAME};
    ptrdiff_t branch[2];
    branch[0] = advntk_graph_dense(g, advntk_graph_flatten(g, 0), paper);
    branch[1] = advntk_graph_flatten(g, advntk_graph_conv(g, 0, window, paper));
    advntk_graph_output(g, advntk_graph_sum(g, 2, branch));
}
static void product_shared(struct advntk_graph *g)
{
    ptrdiff_t branch[2] = {0, advntk_graph_dropout(g, 0, 0.5)};
    advntk_graph_output(g, advntk_graph_product(g, 2, branch));
}
static void norm_after_activation(struct advntk_graph *g)
{
    struct advntk_window window = {{3, 3}, {1, 1}, ADVNTK_PADDING_SAME};
    ptrdiff_t at = advntk_graph_activation(g, advntk_graph_conv(g, 0, window, paper), relu);
    advntk_graph_output(g, advntk_graph_layer_norm(g, at, false, 1e-12));
}
static void norm_without_eps(struct advntk_graph *g)
{
    ptrdiff_t d = advntk_graph_dense(g, advntk_graph_flatten(g, 0), paper);
    advntk_graph_output(g, advntk_graph_layer_norm(g, d, false, 0));
}
static void pool_too_large(struct advntk_graph *g)
{
    struct advntk_window window = {{5, 2}, {1, 1}, ADVNTK_PADDING_VALID};
    advntk_graph_output(g, advntk_graph_pool(g, 0, ADVNTK_POOLING_SUM, window));
}
static void dropout_of_all(struct advntk_graph *g)
{
    advntk_graph_output(g, advntk_graph_dropout(g, 0, 0));
}
static void sum_shared(struct advntk_graph *g)
{
    ptrdiff_t d = advntk_graph_dense(g, advntk_graph_flatten(g, 0), paper);
    ptrdiff_t e = advntk_graph_dense(g, advntk_graph_activation(g, d, relu), paper);
    ptrdiff_t first[2] = {d, e}, branch[2];
    branch[0] = advntk_graph_sum(g, 2, first);
    branch[1] = d;
    advntk_graph_output(g, advntk_graph_sum(g, 2, branch));
}
static void sum_empty(struct advntk_graph *g)
{
    advntk_graph_output(g, advntk_graph_sum(g, 0, NULL));
}
static void no_output(struct advntk_graph *g)
{
    advntk_graph_dense(g, advntk_graph_flatten(g, 0), paper);
}
static void two_outputs(struct advntk_graph *g)
{
    ptrdiff_t d = advntk_graph_dense(g, advntk_graph_flatten(g, 0), paper);
    advntk_graph_output(g, d);
    advntk_graph_output(g, d);
}
static void output_activation(struct advntk_graph *g)
{
    advntk_graph_output(g, advntk_graph_activation(
                               g, advntk_graph_dense(g, advntk_graph_flatten(g, 0), paper), relu));
}
static void unused_layer(struct advntk_graph *g)
{
    ptrdiff_t flat = advntk_graph_flatten(g, 0);
    ptrdiff_t d = advntk_graph_dense(g, flat, paper);
    advntk_graph_activation(g, d, leaky);
    advntk_graph_output(g, d);
}
static void from_nowhere(struct advntk_graph *g)
{
    advntk_graph_output(g, advntk_graph_dense(g, 7, paper));
}
static void second_input(struct advntk_graph *g)
{
    advntk_graph_output(g, advntk_graph_dense(g, advntk_graph_input(g), paper));
}
static void empty_slot(struct advntk_graph *g)
{
    struct advntk_slot none = {0};
    ptrdiff_t d = advntk_graph_dense(g, advntk_graph_flatten(g, 0), paper);
    advntk_graph_output(g, advntk_graph_dense(g, advntk_graph_activation(g, d, none), paper));
}

static const struct {
    void (*build)(struct advntk_graph *g);
    advntk_status status;
    const char *text;
} faults[] = {
    {not_gaussian, ADVNTK_EINVALID,
     "recipe.yaml:14:9: layer 4 (activation relu): its input is not Gaussian: put a dense layer "
     "before it"},
    {activation_on_input, ADVNTK_EINVALID,
     "layer 2 (activation relu): its input is not Gaussian: put a dense layer before it"},
    {dense_on_image, ADVNTK_EINVALID,
     "layer 1 (dense): its input is an image of 4 x 5 pixels: put flatten before it"},
    {negative_std, ADVNTK_EINVALID, "layer 2 (dense): w_std is -1, expected a number >= 0"},
    {nan_bias, ADVNTK_EINVALID, "layer 2 (dense): b_std is nan, expected a number >= 0"},
    {sum_shapes, ADVNTK_ESHAPE,
     "layer 3 (sum): branch 2 is an image of 4 x 5 x 3, the first is infinitely wide"},
    {sum_not_gaussian, ADVNTK_EINVALID,
     "layer 6 (sum): branch 2 is the second that is not Gaussian: end it with a dense layer"},
    {sum_with_own_activation, ADVNTK_EINVALID,
     "layer 4 (sum): its branches share the output of layer 2: put a dense layer into one"},
    {sum_flattened, ADVNTK_ESHAPE,
     "layer 5 (sum): branch 2 has 20 flattened pixels, the first has 1"},
    {product_shared, ADVNTK_EINVALID,
     "layer 2 (product): its branches share the output of layer 0: put a convolution layer into "
     "one"},
    {norm_after_activation, ADVNTK_EINVALID,
     "layer 3 (layer_norm): its input is not Gaussian: put a convolution layer before it"},
    {norm_without_eps, ADVNTK_EINVALID, "layer 3 (layer_norm): eps is 0, expected a number > 0"},
    {pool_too_large, ADVNTK_ESHAPE,
     "layer 1 (sum_pool): a window of 5 x 2 does not fit into 4 x 5 pixels without padding"},
    {dropout_of_all, ADVNTK_EINVALID,
     "layer 1 (dropout): rate, the part that is kept, is 0, expected 0 < rate <= 1"},
    {sum_shared, ADVNTK_EINVALID,
     "layer 6 (sum): its branches share the output of layer 2: put a dense layer into one"},
    {sum_empty, ADVNTK_EINVALID, "layer 1 (sum): it has no branches"},
    {no_output, ADVNTK_EINVALID, "the network has no output"},
    {two_outputs, ADVNTK_EINVALID, "the network has two outputs, layers 2 and 2"},
    {output_activation, ADVNTK_EINVALID,
     "layer 3 (activation relu): the last layer must be a dense layer"},
    {unused_layer, ADVNTK_EINVALID, "layer 3 (activation leaky_relu): its output is not used"},
    {from_nowhere, ADVNTK_EINVALID,
     "layer 1 (dense): stands on layer 7, but the graph has the layers 0 to 0"},
    {second_input, ADVNTK_EINVALID, "layer 1 (input): the input comes once, as the first layer"},
    {empty_slot, ADVNTK_EINVALID, "layer 3 (activation): an empty slot is no activation"},
};

static void identity(const struct advntk_graph *g, uint8_t digest[16])
{
    struct advntk_error err = {0};
    struct advntk__hash *h = advntk__hash_new();
    must(advntk__graph_identity(g, h, &err), &err);
    advntk__hash_end(h, digest);
    advntk__hash_free(h);
}

static void test_identity(void)
{
    uint8_t first[16], again[16], deeper[16], other[16];
    struct advntk_graph *g[4] = {mlp_graph(4, 5, 3, 3, relu), mlp_graph(4, 5, 3, 3, relu),
                                 mlp_graph(4, 5, 3, 4, relu), mlp_graph(4, 5, 3, 3, leaky)};
    identity(g[0], first);
    identity(g[1], again);
    identity(g[2], deeper);
    identity(g[3], other);
    ok(memcmp(first, again, 16) == 0, "the same network, the same identity");
    ok(memcmp(first, deeper, 16) != 0, "another depth, another identity");
    ok(memcmp(first, other, 16) != 0, "another activation, another identity");
    slot_real(&leaky, "negative_slope", 0.2);
    identity(g[3], deeper);
    ok(memcmp(other, deeper, 16) != 0, "another slope, another identity");
    for (int i = 0; i < 4; i++) {
        advntk__graph_free(g[i]);
    }
}

static void test_print(void)
{
    struct advntk__text text = {0};
    struct advntk_graph *g = mlp_graph(4, 5, 3, 2, relu);
    advntk__graph_print(g, &text);
    is_text(advntk__text_get(&text),
            "number  layer       from  shape      parameters              layout\n"
            "0       input             4 x 5 x 3                          pixel-diagonal\n"
            "1       flatten     0     60                                 one number a pair\n"
            "2       dense       1     inf        w_std 1.76, b_std 0.18  one number a pair\n"
            "3       activation  2     inf        relu                    one number a pair\n"
            "4       dense       3     inf        w_std 1.76, b_std 0.18  one number a pair\n"
            "cost: 120 flops a pair for the inner product, 48 for the layers\n"
            "memory for n images: 252 n + 2 n^2 bytes in float32, 504 n + 4 n^2 in float64\n",
            "the table of layers");
    advntk__text_release(&text);
    advntk__graph_free(g);
}

int main(void)
{
    struct advntk_error err = {0};
    struct advntk_graph *g = NULL;

    relu = slot_open("activation/relu");
    leaky = slot_open("activation/leaky_relu");
    test_identity();
    test_print();
    ok(advntk__graph_new(0, 5, 3, &g, &err) == ADVNTK_ESHAPE, "images without pixels are refused");
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        must(advntk__graph_new(4, 5, 3, &g, &err), &err);
        advntk_graph_input(g);
        faults[i].build(g);
        ok(advntk__graph_finish(g, &err) == faults[i].status, "fault %zu: status", i);
        is_text(err.text, faults[i].text, "and text");
        advntk__graph_free(g);
    }
    slot_close(&relu);
    slot_close(&leaky);
    return done_testing();
}
