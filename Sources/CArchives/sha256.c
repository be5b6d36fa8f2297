#include "CArchives.h"
#include <dlfcn.h>
#include <openssl/evp.h>
#include <pthread.h>

#define UWRX_LIBCRYPTO(X)                                                                                               \
  X(EVP_MD_CTX_new)                                                                                                     \
  X(EVP_MD_CTX_free)                                                                                                    \
  X(EVP_sha256)                                                                                                         \
  X(EVP_DigestInit_ex)                                                                                                  \
  X(EVP_DigestUpdate)                                                                                                   \
  X(EVP_DigestFinal_ex)

#define X(name) static __typeof__(name) *load_##name;
UWRX_LIBCRYPTO(X)
#undef X

static int is_loaded;

static void load(void) {
  void *handle = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
  if (!handle) return;
#define X(name)                                                                                                         \
  if (!(load_##name = (__typeof__(name) *)dlsym(handle, #name))) return;
  UWRX_LIBCRYPTO(X)
  is_loaded = 1;
}

void *uwrx_sha256_begin(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, load);
  if (!is_loaded) return NULL;
  EVP_MD_CTX *context = load_EVP_MD_CTX_new();
  if (context && load_EVP_DigestInit_ex(context, load_EVP_sha256(), NULL) == 1) return context;
  load_EVP_MD_CTX_free(context);
  return NULL;
}

int uwrx_sha256_update(void *context, const void *bytes, size_t length) {
  return load_EVP_DigestUpdate(context, bytes, length) == 1 ? 0 : -1;
}

int uwrx_sha256_finish(void *context, uint8_t *digest) {
  int result = load_EVP_DigestFinal_ex(context, digest, NULL) == 1 ? 0 : -1;
  load_EVP_MD_CTX_free(context);
  return result;
}
