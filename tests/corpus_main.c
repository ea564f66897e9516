/* corpus_main.c -- runs a fuzz target as an ordinary test.
 *
 * libFuzzer brings a main of its own; this one feeds the target the empty input and then every
 * file of the directories and files named, in sorted order, each from a heap block of exactly its
 * size, so that a sanitizer sees a read past the end. The target ends the process when it finds a
 * fault. A directory that is missing is an empty one: a target without a corpus is still called. */
#include <dirent.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

static unsigned inputs;

static int refuse(const char *path)
{
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    return 1;
}

static void feed(const uint8_t *data, size_t size)
{
    LLVMFuzzerTestOneInput(data, size);
    inputs++;
}

static int feed_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size > 0 ? size : 1);
    int status = file == NULL || data == NULL ? refuse(path) : 0;

    if (status == 0) {
        fprintf(stderr, "%s\n", path);
        feed(data, fread(data, 1, size, file));
    }
    free(data);
    if (file != NULL) {
        fclose(file);
    }
    return status;
}

static int feed_path(const char *path);

static int feed_directory(const char *path)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    int status = count < 0 ? refuse(path) : 0;

    for (int i = 0; i < count; i++) {
        char inner[4096];
        int length = snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.' && status == 0) {
            status = length < (int)sizeof inner ? feed_path(inner) : 1;
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

static int feed_path(const char *path)
{
    struct stat info;

    if (stat(path, &info) != 0) {
        return errno == ENOENT ? 0 : refuse(path);
    }
    return S_ISDIR(info.st_mode) ? feed_directory(path) : feed_file(path, (size_t)info.st_size);
}

int main(int argc, char **argv)
{
    uint8_t none[1] = {0};
    int status = 0;

    if (LLVMFuzzerInitialize != NULL) {
        LLVMFuzzerInitialize(&argc, &argv);
    }
    feed(none, 0);
    for (int i = 1; i < argc && status == 0; i++) {
        status = feed_path(argv[i]);
    }
    printf("%u inputs\n", inputs);
    return status;
}
