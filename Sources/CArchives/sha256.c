#include "CArchives.h"
#include <dlfcn.h>
#include <openssl/evp.h>

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

static int load(void) {
  static int state; // 1: loaded, -1: missing
  if (state) return state > 0;
  state = -1;
  void *handle = dlopen("libcrypto.so.3", RTLD_NOW | RTLD_LOCAL);
  if (!handle) return 0;
#define X(name)                                                                                                         \
  if (!(load_##name = (__typeof__(name) *)dlsym(handle, #name))) return 0;
  UWRX_LIBCRYPTO(X)
  state = 1;
  return 1;
}

void *uwrx_sha256_begin(void) {
  if (!load()) return NULL;
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
