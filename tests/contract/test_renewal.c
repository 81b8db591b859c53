/* The listener's certificate follows its files; the clock is the test's. */
#include <fcntl.h>
#include <inttypes.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/log.h"
#include "certificates.h"
#include "daemon/listener.h"
#include "daemon/renewal.h"
#include "nobody.h"

struct world {
	char folder[64], cert[128], key[128];
	struct made first, second;
	struct listener *l;
	struct renewal *r;
	int64_t first_ms, second_ms; /* expiry */
};

static void
on_handle(void *ctx, struct request *rq)
{
	(void)ctx;
	request_answer(rq, &(struct reply){ .status = 200, .body = STR_EMPTY });
}

/* The listener has been started with the first pair; nobody follows its files yet. */
static struct tls_files
open_unfollowed(struct world *w)
{
	struct listener_handler h = { .handle = on_handle };
	struct listener_options o = { .address = STR("127.0.0.1:0"),
		.body_max = 1000,
		.connections_max = 20,
		.per_address_max = 20 };
	struct err e;

	snprintf(w->folder, sizeof(w->folder), "/tmp/test_renewal.XXXXXX");
	CHECK(mkdtemp(w->folder) != NULL);
	snprintf(w->cert, sizeof(w->cert), "%s/cert.pem", w->folder);
	snprintf(w->key, sizeof(w->key), "%s/key.pem", w->folder);
	w->first = make(&(struct wanted){ .name = "first" });
	w->second = make(&(struct wanted){ .name = "second", .until = 60 * DAY_S });
	write_cert(w->cert, &w->first);
	write_key(w->key, &w->first);
	o.tls = (struct tls_files){ .certificate = str_of(w->cert),
		.private_key = str_of(w->key),
		.client_ca = STR_EMPTY };
	CHECK_OK(listener_start(&o, &h, &w->l, &e));
	CHECK_OK(renewal_new(w->l, &w->r, &e));
	w->first_ms = listener_certificate_expires_ms(w->l);
	w->second_ms = (int64_t)gnutls_x509_crt_get_expiration_time(w->second.cert) * 1000;
	log_set_level(LOG_LEVEL_ERROR);
	return o.tls;
}

static void
open_world(struct world *w)
{
	struct tls_files f = open_unfollowed(w);

	renewal_follow(w->r, &f, 500);
}

static void
close_world(struct world *w)
{
	renewal_free(w->r);
	listener_stop(w->l);
	made_done(&w->first);
	made_done(&w->second);
	unlink(w->cert);
	unlink(w->key);
	rmdir(w->folder);
}

static int64_t
failures(struct world *w)
{
	struct renewal_figures f;

	renewal_figures(w->r, &f);
	CHECK(f.success_ms > 0);
	return f.failures;
}

TEST(nothing_is_due_while_nothing_happens)
{
	struct world w;

	open_world(&w);
	CHECK_INT(renewal_wait_ms(w.r, 1000), -1);
	renewal_work(w.r, 1000);
	CHECK_INT(renewal_wait_ms(w.r, 1000), -1);
	close_world(&w);
}

TEST(a_new_pair_is_used_when_it_has_been_quiet)
{
	struct world w;

	open_world(&w);
	write_cert(w.cert, &w.second);
	renewal_work(w.r, 1000);
	CHECK_INT(renewal_wait_ms(w.r, 1000), RENEWAL_QUIET_MS);
	write_key(w.key, &w.second);
	renewal_work(w.r, 1200);
	CHECK_INT(renewal_wait_ms(w.r, 1300), RENEWAL_QUIET_MS - 100);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.first_ms);
	renewal_work(w.r, 1200 + RENEWAL_QUIET_MS);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.second_ms);
	CHECK_INT(renewal_wait_ms(w.r, 9000), -1);
	CHECK_INT(failures(&w), 0);
	close_world(&w);
}

TEST(a_pair_that_belongs_together_only_later_is_no_error)
{
	struct world w;

	open_world(&w);
	write_cert(w.cert, &w.second);
	renewal_work(w.r, 1000);
	renewal_work(w.r, 1300); /* the key of before */
	CHECK_INT(listener_certificate_expires_ms(w.l), w.first_ms);
	CHECK_INT(renewal_wait_ms(w.r, 1300), RENEWAL_GRACE_MS);
	file_write(w.key, "-----BEGIN PRIVATE KEY-----\nMIG", 31);
	renewal_work(w.r, 2000);
	renewal_work(w.r, 2300); /* half a key */
	CHECK_INT(renewal_wait_ms(w.r, 2300), RENEWAL_GRACE_MS - 1000);
	write_key(w.key, &w.second);
	renewal_work(w.r, 3000);
	renewal_work(w.r, 3300);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.second_ms);
	CHECK_INT(failures(&w), 0);
	close_world(&w);
}

TEST(a_pair_that_stays_bad_is_counted_once_and_the_old_one_stays)
{
	struct world w;

	open_world(&w);
	write_key(w.key, &w.second);
	renewal_work(w.r, 1000);
	renewal_work(w.r, 1300);
	CHECK_INT(failures(&w), 0);
	renewal_work(w.r, 1300 + RENEWAL_GRACE_MS);
	CHECK_INT(failures(&w), 1);
	CHECK_INT(renewal_wait_ms(w.r, 1300 + RENEWAL_GRACE_MS), RENEWAL_RETRY_MS);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.first_ms);
	write_cert(w.cert, &w.second);
	renewal_work(w.r, 20000);
	renewal_work(w.r, 20300);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.second_ms);
	CHECK_INT(renewal_wait_ms(w.r, 20300), -1);
	close_world(&w);
}

TEST(files_that_never_rest_are_read_all_the_same)
{
	struct world w;
	int64_t now = 1000;

	open_world(&w);
	write_key(w.key, &w.second);
	for (; now < 1000 + RENEWAL_BUSY_MS; now += 100) {
		write_cert(w.cert, &w.second);
		renewal_work(w.r, now);
		CHECK_INT(listener_certificate_expires_ms(w.l), w.first_ms);
	}
	write_cert(w.cert, &w.second);
	renewal_work(w.r, now);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.second_ms);
	close_world(&w);
}

/* ---- what no event tells of ---- */

TEST(what_changed_before_the_files_were_followed_is_not_missed)
{
	struct tls_files f;
	struct world w;

	f = open_unfollowed(&w);
	write_cert(w.cert, &w.second);
	write_key(w.key, &w.second);
	renewal_follow(w.r, &f, 1000);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.second_ms);
	CHECK_INT(renewal_wait_ms(w.r, 1000), -1);
	close_world(&w);
}

TEST(half_of_a_pair_before_the_files_were_followed_is_an_error_when_it_stays)
{
	struct tls_files f;
	struct world w;

	f = open_unfollowed(&w);
	write_cert(w.cert, &w.second);
	renewal_follow(w.r, &f, 1000);
	CHECK_INT(renewal_wait_ms(w.r, 1000), RENEWAL_GRACE_MS);
	renewal_work(w.r, 1000 + RENEWAL_GRACE_MS);
	CHECK_INT(failures(&w), 1);
	write_key(w.key, &w.second);
	renewal_work(w.r, 7000);
	renewal_work(w.r, 7300);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.second_ms);
	close_world(&w);
}

/* No descriptor is left, or there are as many again as before. */
static void
descriptors(bool some)
{
	static struct rlimit before;
	struct rlimit none;
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (!some) {
		CHECK(next >= 0 && getrlimit(RLIMIT_NOFILE, &before) == 0);
		close(next);
		none = before;
		none.rlim_cur = (rlim_t)next;
	}
	CHECK(setrlimit(RLIMIT_NOFILE, some ? &before : &none) == 0);
}

TEST(trouble_that_passes_without_an_event_is_tried_again_each_minute)
{
	int64_t now = 1300 + RENEWAL_GRACE_MS;
	struct world w;

	open_world(&w);
	write_cert(w.cert, &w.second);
	write_key(w.key, &w.second);
	renewal_work(w.r, 1000);
	descriptors(false);
	renewal_work(w.r, 1300);
	CHECK_INT(renewal_wait_ms(w.r, 1300), RENEWAL_GRACE_MS);
	renewal_work(w.r, now);
	CHECK_INT(failures(&w), 1);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(renewal_wait_ms(w.r, now), RENEWAL_RETRY_MS);
		now += RENEWAL_RETRY_MS;
		renewal_work(w.r, now);
		CHECK_INT(failures(&w), 1);
	}
	descriptors(true);
	now += RENEWAL_RETRY_MS;
	renewal_work(w.r, now);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.second_ms);
	CHECK_INT(renewal_wait_ms(w.r, now), -1);
	close_world(&w);
}

/* It may be entered, so that the files can be read, but not read itself. */
TEST(files_in_a_folder_that_cannot_be_watched_are_read_each_minute)
{
	bool was_root = leave_root();
	int64_t now = 1300;
	struct world w;

	open_world(&w);
	CHECK(chmod(w.folder, 0100) == 0);
	renewal_work(w.r, 1000);
	renewal_work(w.r, now);
	CHECK_INT(renewal_wait_ms(w.r, now), RENEWAL_RETRY_MS);
	write_cert(w.cert, &w.second);
	write_key(w.key, &w.second);
	now += RENEWAL_RETRY_MS - 1;
	renewal_work(w.r, now);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.first_ms);
	now++;
	renewal_work(w.r, now);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.second_ms);
	CHECK_INT(renewal_wait_ms(w.r, now), RENEWAL_RETRY_MS);
	CHECK_INT(failures(&w), 0);
	/* It is noticed when it can be watched again, and nothing is due any more. */
	CHECK(chmod(w.folder, 0700) == 0);
	renewal_work(w.r, now);
	CHECK_INT(renewal_wait_ms(w.r, now), RENEWAL_QUIET_MS);
	renewal_work(w.r, now + RENEWAL_QUIET_MS);
	CHECK_INT(renewal_wait_ms(w.r, now + RENEWAL_QUIET_MS), -1);
	write_cert(w.cert, &w.first);
	write_key(w.key, &w.first);
	renewal_work(w.r, now + 1000);
	renewal_work(w.r, now + 1300);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.first_ms);
	close_world(&w);
	become_root_again(was_root);
}

TEST(a_folder_that_was_closed_and_opened_again_is_followed_again)
{
	bool was_root = leave_root();
	struct world w;

	open_world(&w);
	CHECK(chmod(w.folder, 0) == 0);
	renewal_work(w.r, 1000);
	renewal_work(w.r, 1300);
	renewal_work(w.r, 1300 + RENEWAL_GRACE_MS);
	CHECK_INT(failures(&w), 1);
	CHECK(chmod(w.folder, 0700) == 0);
	renewal_work(w.r, 10000);
	renewal_work(w.r, 10300);
	CHECK_INT(renewal_wait_ms(w.r, 10300), -1);
	write_cert(w.cert, &w.second);
	write_key(w.key, &w.second);
	renewal_work(w.r, 20000);
	renewal_work(w.r, 20300);
	CHECK_INT(listener_certificate_expires_ms(w.l), w.second_ms);
	close_world(&w);
	become_root_again(was_root);
}
