#include "parse_settings.h"

#define PAGE "listen: '[::]:8444', public_url: 'https://gw.example.com:8444/'"
#define CHANNELS "channels: {soc: {url_file: u}, leads: {url_file: v}}\n"

TEST(without_a_word_one_person_decides_by_the_command_line)
{
	parse(BASE);
	CHECK_INT(s->approvals.quorum, 1);
	CHECK_STR(s->approvals.address, "");
	CHECK_INT(s->approvals.n_actions, 0);
	CHECK(settings_links_in(s, STR("soc")));
}

TEST(all_of_it_is_read)
{
	parse(BASE CHANNELS
	    "approvals:\n"
	    "  quorum: 2\n"
	    "  actions: [isolate_vm]\n"
	    "  listen: {address: '127.0.0.1:8444', certificate: c, private_key: 'credential:k'}\n"
	    "  public_url: https://gw.example.com:8444/\n"
	    "  key_file: credential:links\n"
	    "  channels: [soc, leads]\n");
	CHECK_INT(s->approvals.quorum, 2);
	CHECK_STR(s->approvals.actions[0], "isolate_vm");
	CHECK_INT(s->approvals.line, 6);
	CHECK_STR(s->approvals.address, "127.0.0.1:8444");
	CHECK_STR(s->approvals.certificate, "/etc/gw/c");
	CHECK_STR(s->approvals.private_key, "credential:k");
	CHECK_STR(s->approvals.public_url, "https://gw.example.com:8444");
	CHECK_STR(s->approvals.key_file, "credential:links");
	CHECK_STR(s->approvals.channels[1], "leads");
	CHECK(settings_links_in(s, STR("leads")) && !settings_links_in(s, STR("all")));
	CHECK_INT(d.warnings, 0);
}

TEST(the_certificate_is_that_of_the_public_listener_unless_another_is_named)
{
	parse(BASE CHANNELS "approvals: {" PAGE "}\n");
	CHECK_STR(s->approvals.certificate, "/etc/gw/tls/c.pem");
	CHECK_STR(s->approvals.private_key, "/k.pem");
	check_refused(BASE CHANNELS
	    "approvals: {listen: {address: '[::]:1', certificate: c}, public_url: 'https://x'}\n",
	    4, 21, "certificate and private_key go together");
}

TEST(a_page_that_nobody_can_reach_is_refused)
{
	check_refused(BASE CHANNELS "approvals: {listen: '[::]:8444'}\n", 4, 12,
	    "public_url is missing: where people reach the page");
	check_refused(BASE CHANNELS "approvals: {public_url: 'https://x'}\n", 4, 26,
	    "public_url is for the page, and listen is missing");
	check_refused(BASE CHANNELS "approvals: {listen: localhost, public_url: 'https://x'}\n", 4,
	    21, "address must be an IP address and a port such as [::]:8444");
	check_refused(BASE CHANNELS
	    "approvals: {listen: '[::]:8444', public_url: 'http://127.0.0.1'}\n",
	    4, 47, "public_url must begin with https://");
}

TEST(channels_and_quorum_have_to_fit_together)
{
	check_refused(BASE CHANNELS "approvals: {" PAGE ", channels: [soc, lead]}\n", 4, 94,
	    "there is no channel 'lead', did you mean 'leads'?");
	parse(BASE CHANNELS "approvals: {" PAGE ", quorum: 2}\n");
	CHECK_INT(d.warnings, 0);
	parse(BASE CHANNELS "approvals: {" PAGE ", quorum: 2, channels: soc}\n");
	CHECK_INT(d.warnings, 1);
	CHECK_HAS(
	    buf_cstr(&out), "links count once for each channel, and the cards of 1 hold links");
	parse(BASE "approvals: {quorum: 2}\n"); /* the command line alone */
	CHECK_INT(d.warnings, 0);
	check_refused(BASE "approvals: {quorum: 0}\n", 3, 21, "quorum");
	check_refused(BASE "approvals: {quorum: 9}\n", 3, 21, "quorum");
}
